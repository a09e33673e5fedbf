"""Flows: which steps follow one another, running them, and saying beforehand what would run and why."""
