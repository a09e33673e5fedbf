"""The commands of channels and rollouts."""
