"""An attempt's log: what its child prints, what the runner says of it, and the way of both into the store.

A thread of its own carries it, every few seconds, so that no checkpoint on its way holds it up: whatever was printed
`SECONDS` before the runner was killed, and the time of one write, is in the store. What the runner says begins with
`PREFIX`. Values of secrets are masked on the way; the file itself stays on this machine. Where the store is away, all
is kept and carried later.
"""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.runner.masking import NOTHING, Masks
from slipway.platform.jobs.runner.trying import tried
from slipway.platform.runs.layout import AttemptKeys
from slipway.platform.runs.pieces import Pieces
from slipway.platform.store import Store

PREFIX: Final = "[slipway] "
SECONDS: Final = 3.0


class Log:
    """Runs from `start` to `finish`; lines may be said before and between."""

    def __init__(
        self, store: Store, keys: AttemptKeys, path: Path, masks: Masks = NOTHING, every: float = SECONDS
    ) -> None:
        self._path, self._every = path, every
        self._pieces = Pieces(store, keys.log, path, masks.data)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="slipway-log", daemon=True)
        self.trouble: SlipwayError | None = None

    def open(self) -> int:
        """The file, for a child to write to; the caller closes it."""
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def say(self, text: str) -> None:
        """Add lines of the runner's own, each whole, also where a child's line is not at its end."""
        with suppress(OSError):  # a full disk ends no training
            file = self.open()
            try:
                size = os.fstat(file).st_size
                torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
                lines = "".join(f"{PREFIX}{line}\n" for line in text.splitlines())
                os.write(file, (("\n" if torn else "") + lines).encode(errors="replace"))
            finally:
                os.close(file)

    def start(self) -> None:
        """Begin to carry."""
        self._thread.start()

    def finish(self, patience: float) -> bool:
        """Carry what is left, trying for so many seconds; whether all of it arrived."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()
        return tried(lambda: self._carry(last=True), patience)

    def _run(self) -> None:
        due = time.monotonic() + self._every
        while not self._over.wait(max(0.0, due - time.monotonic())):
            due = time.monotonic() + self._every  # from the write's beginning, however long it takes
            self._carry(last=False)

    def _carry(self, *, last: bool) -> bool:
        try:
            self._pieces.put(last=last)
        except (SlipwayError, OSError) as error:
            self.trouble = error if isinstance(error, SlipwayError) else SlipwayError(str(error))
            return False
        self.trouble = None
        return True
