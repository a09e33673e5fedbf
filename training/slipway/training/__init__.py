"""Slipway's training: models, the rendered world, reading, export and gates on Lightning and Hydra."""
