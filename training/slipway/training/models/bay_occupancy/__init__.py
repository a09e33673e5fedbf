"""bay-occupancy: whether a parking bay is free or occupied, from a patch of a camera image."""
