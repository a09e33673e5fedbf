"""vehicle-reid: the same vehicle found again by other cameras, by the direction of a vector that describes it."""
