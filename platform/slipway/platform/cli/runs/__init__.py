"""The commands that look at the record of work."""
