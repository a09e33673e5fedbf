"""Slipway's ground: settings, store, data, jobs, registry, identity, ledger and the command line."""
