"""The agent of one device and its command line, `slipway-edge`.

Owns the device's journal, its two slots, its streams and the steps from one good model to the next. It learns what to
run from `channel`, checks it with `bundle` and runs it with `runtime`.
"""
