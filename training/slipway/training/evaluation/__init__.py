"""Judging predictions the way the field does, per slice and with intervals.

Each kind of task turns predictions and truth into a `Judged`: units that can be drawn again (an image, an individual)
and metrics as functions of how often each unit was drawn. Values, intervals, slices and comparisons with a baseline or
a champion then are the same code for all.
"""
