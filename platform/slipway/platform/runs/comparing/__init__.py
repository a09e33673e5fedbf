"""Runs side by side: in which parts they differ, what was measured, how it went."""
