"""Telling what an image shows, in general: whole images or single boxes, classes by name.

A model derives from `task.Classification` and `config.Config`, and says in its config what it looks at and which
classes there are.
"""
