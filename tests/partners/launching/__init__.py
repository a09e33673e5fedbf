"""A launcher for the in-process cluster, whose pods do what a test says."""
