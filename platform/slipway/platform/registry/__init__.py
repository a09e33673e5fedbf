"""Versions of models: verdicts, the one version of a bundle, approvals, champion and challenger, and the guard.

To the registry a bundle is a digest and a manifest (JSON). The ledger says who decided what; MLflow shows versions and
aliases to people, and is made equal to the ledger.
"""
