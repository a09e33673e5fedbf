"""Pictures of how a training went: curves, confusion, precision and recall, reliability, the worst samples.

PNG files by matplotlib's Agg, which needs no screen; the same numbers give the same bytes on the same machine. Nothing
is imported before something is drawn.
"""
