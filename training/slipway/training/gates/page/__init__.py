"""The page of a verdict: one file that needs nothing from elsewhere, for a desk and for a phone."""
