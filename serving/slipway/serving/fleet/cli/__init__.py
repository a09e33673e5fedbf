"""The commands of the fleet: serve, control, list, show, enrol, revoke, history, pin, simulate; freeze, site."""
