"""Watching models in the field: whether it is still what they know, and what is done about it."""
