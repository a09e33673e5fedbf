"""The commands that join packages."""
