"""vehicle-detect: finding vehicles in a camera's picture, with box and category."""
