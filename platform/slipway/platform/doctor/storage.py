"""Checks of where things are kept: the store and DVC's remote."""

from collections.abc import Iterator
from pathlib import Path

from slipway.platform.doctor.check import Finding, ok
from slipway.platform.settings import Settings
from slipway.platform.settings.listing import masked_address

PROBE_TIMEOUT_SECONDS = 4.0


def store(settings: Settings) -> Iterator[Finding]:
    """Reach it, write to it, and see that its conditional writes hold: two writers, one winner."""
    from slipway.platform.store import open_store, probe

    once = settings.store.model_copy(update={"attempts": 1, "timeout_seconds": PROBE_TIMEOUT_SECONDS})
    probe(open_store(once, settings.s3))
    yield ok("store", f"{masked_address(settings.store.url)}, conditional writes hold")


def data_remote(settings: Settings) -> Iterator[Finding]:
    """DVC's remote; a directory is made by the first push."""
    from slipway.platform.store import open_store

    remote = settings.data.remote
    if "://" not in remote and not Path(remote).exists():
        yield ok("data remote", f"{remote} will be made by the first push")
        return
    once = settings.store.model_copy(update={"url": remote, "attempts": 1, "timeout_seconds": PROBE_TIMEOUT_SECONDS})
    next(open_store(once, settings.s3).list(""), None)
    yield ok("data remote", masked_address(remote))
