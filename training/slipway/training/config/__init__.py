"""Configuration of a run: typed groups that every model shares, and how they are composed with Hydra."""
