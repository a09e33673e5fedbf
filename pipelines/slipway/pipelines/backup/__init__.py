"""Backups of what cannot be made again: fleet store, channel, store, MLflow, and the people file."""
