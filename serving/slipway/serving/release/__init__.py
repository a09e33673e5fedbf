"""Releases and rollouts: putting a bundle into a channel and leading it to all devices in waves.

Owns the signing of channels and the decision about the next wave. Runs beside the platform (extra `fleet`), never on a
device.
"""
