"""How a device and the fleet service speak: what is said, how it is signed, and the device's side of it.

A device says who it is by its own ed25519 key and speaks only for itself. Nothing that the service answers makes a
device run anything: what it runs comes from the channel alone, and so does what its site configures: `site` follows
that, `windows` and `site_streams` apply it.
"""
