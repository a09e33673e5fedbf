"""The command line of slipway-training: thin commands over the packages that do the work."""
