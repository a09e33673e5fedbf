"""Seeing submitted work through: what comes next for it, and doing that; also for work that nobody waits for."""
