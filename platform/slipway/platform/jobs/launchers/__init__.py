"""Launchers: how an attempt gets a process of its own, here or in a cluster. `contract` says what each of them does."""
