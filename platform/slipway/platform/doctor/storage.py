"""Checks of where things are kept: the store and DVC's remote."""

import os
from collections.abc import Iterator
from pathlib import Path

from slipway.platform.doctor.check import Finding, failed, ok
from slipway.platform.doctor.place import can_be_made
from slipway.platform.errors import SlipwayError
from slipway.platform.settings import Settings
from slipway.platform.store.errors import SETTING

PROBE_TIMEOUT_SECONDS = 4.0
REMOTE_SETTING = "`SLIPWAY_DATA__REMOTE`, or `remote` in `[contexts.<name>.data]`"


def store(settings: Settings) -> Iterator[Finding]:
    """Reach it, write to it, and see that its conditional writes hold: two writers, one winner."""
    from slipway.platform.store import open_store, probe

    once = settings.store.model_copy(update={"attempts": 1, "timeout_seconds": PROBE_TIMEOUT_SECONDS})
    probe(open_store(once, settings.s3))
    yield ok("store", f"{settings.store.url}, conditional writes hold")


def data_remote(settings: Settings) -> Iterator[Finding]:
    """DVC's remote; a directory is made by the first push."""
    from slipway.platform.store import open_store

    remote = settings.data.remote
    if "://" not in remote and not Path(remote).exists():
        if can_be_made(Path(remote)):
            yield ok("data remote", f"{remote} will be made by the first push")
        else:
            yield failed("data remote", f"{remote} cannot be made", f"Make it, or correct {REMOTE_SETTING}.")
        return
    if Path(remote).is_dir() and not os.access(remote, os.W_OK | os.X_OK):
        yield failed("data remote", f"{remote} is not writable", f"chown -R $USER {remote}")
        return
    once = settings.store.model_copy(update={"url": remote, "attempts": 1, "timeout_seconds": PROBE_TIMEOUT_SECONDS})
    try:
        next(open_store(once, settings.s3).list(""), None)
    except SlipwayError as error:
        # The store's adapters reach it, but what is to be mended is another setting.
        text, mend = (
            words.replace(SETTING, REMOTE_SETTING).replace("The store", "The data remote")
            for words in (str(error), error.mend or "")
        )
        yield failed("data remote", text, mend)
    else:
        yield ok("data remote", remote)
