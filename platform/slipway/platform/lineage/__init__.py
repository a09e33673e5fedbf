"""Lineage: from a version back to the rows, code, config and people that made it, and from a row on to all it reached.

`graph` is what is told, `naming` finds out what is meant, `upward` and `downward` gather it from the records in the
store, `as_text` and `as_svg` show it. Nothing here is a record of its own: all of it is read from where it stands.
"""
