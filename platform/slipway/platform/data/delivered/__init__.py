"""Days that are delivered: finding them, looking at all of each, and adding it to the snapshot that the branch names.

A delivery is a folder below `data.deliveries`, or a name that an installed source can make. It is one of

- a snapshot's folder, with its `manifest.json`;
- a folder in a format that `slipway data import` knows, with a `delivery.toml` that says which, and about all of it.

Either file comes last, so a folder without one is not complete yet. A delivery is taken whole or not at all.
"""
