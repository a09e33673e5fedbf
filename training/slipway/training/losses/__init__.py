"""Losses that more than one model may want. They keep no state between steps and see the batch of all processes."""
