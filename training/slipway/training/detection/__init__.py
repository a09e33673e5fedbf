"""Finding things in images, in general: data, what each place of a map should say, losses, and reading the answer.

A model derives from `task.Detection` and `config.Config`, and says in its config what it looks at and for. Everywhere
in here boxes are left, top, right, bottom in pixels of the network's input, and nothing knows a category's name.
"""
