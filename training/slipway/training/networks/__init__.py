"""Networks of ours and what they are built from; small ones for two cores, `base` ones for a GPU."""
