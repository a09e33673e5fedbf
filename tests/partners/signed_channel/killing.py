"""A store whose user is killed before one of its writes."""

import os
import signal
from pathlib import Path
from typing import Any

from slipway.platform.store import Store

WRITES = frozenset({"put", "put_if_absent", "put_file", "delete"})


class Killed(BaseException):
    """The process ends here."""


class KillingStore:
    """Passes everything on; the process ends before write number `before`, counted from 0."""

    def __init__(self, store: Store, before: int, *, really: bool = False) -> None:
        self._store = store
        self._left = before
        self._really = really

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in WRITES:
            return found

        def counted(*args: bytes | str | Path) -> Any:
            if self._left == 0:
                if self._really:
                    os.kill(os.getpid(), signal.SIGKILL)
                raise Killed
            self._left -= 1
            return found(*args)

        return counted
