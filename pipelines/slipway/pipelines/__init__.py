"""Slipway's loop: steps and flows over small typed values, the local stack, and the commands that join packages."""
