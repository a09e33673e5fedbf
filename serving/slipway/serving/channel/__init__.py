"""The signed pointer of one model that devices follow, from the device's side.

Owns the channel's schema, the client that verifies it and fetches what it names, and the share and cohort rules that
say whether a wave includes this device. Signing channels is left to `release`.
"""
