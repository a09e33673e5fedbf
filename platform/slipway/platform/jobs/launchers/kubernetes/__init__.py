"""Jobs of a cluster: one Indexed Job for each attempt, one pod for each node."""
