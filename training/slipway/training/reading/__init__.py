"""Reading images of a snapshot into batches, near what the decoder or the disk allows.

A `Source` gives pixels by row: `Decoded` decodes them from the shards, `Cached` gathers them from a memory-mapped file
that was decoded once. A `Plan` says which rows make up the batch of a step. A `Reader` brings both together in threads.

What a step's batch holds is a pure function of seed, step, share and selection. Nothing remembers what came before, so
a run that is resumed at a step gets the bytes that it would have got without the interruption, and a run on four
processes sees the batches of a run on one. Pixels stay uint8 up to the network, which has the normalisation inside.
"""
