"""A device whose clock, disk, network and runtime are in a test's hands."""
