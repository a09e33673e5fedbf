"""From the frames of a device's cameras to events.

`running.Streams` is the way in: it opens the cameras, and for each one a `stream` asks the live models (`asking`),
reads their answers by the contract (`answers`), names each decision, and tells it (`events`, `log`, `telling`).
"""
