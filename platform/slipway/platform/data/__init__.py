"""Snapshots: immutable states of the data, named by their content.

A snapshot is a folder: `manifest.json` (its sha256 is the snapshot's name), `index.parquet`, `boxes.parquet`,
`identities.parquet`, and the image bytes in `shards/`. DVC moves it, the store remembers it, jobs fetch parts of it.
"""
