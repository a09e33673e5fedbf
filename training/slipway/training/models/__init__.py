"""The models that the platform ships: one folder each, found through the entry-point group `slipway.models`."""
