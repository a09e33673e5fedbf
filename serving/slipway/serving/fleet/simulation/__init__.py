"""A simulated fleet: the real decision code and TUF client, with clock, disk, network and runtime injected."""
