"""What bundles and lineage call the pieces of a run's parts that have no name of their own."""

import hashlib

from slipway.platform.canonical import canonical
from slipway.platform.runs.parts import Parts


def config_digest(parts: Parts) -> str:
    """sha256 of the canonical config."""
    return hashlib.sha256(canonical(dict(parts.config))).hexdigest()


def lock_digest(parts: Parts) -> str:
    """sha256 of the lock's lines, one a line."""
    return hashlib.sha256("".join(f"{line}\n" for line in parts.lock).encode()).hexdigest()
