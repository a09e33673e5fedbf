"""Carries what an attempt makes into the store while it runs: checkpoints and the journal. A thread of the runner.

The store may be away: nothing waits for it, everything is tried again, and `trouble` says since when it is so. Order of
a checkpoint: journal, bytes, record; so whoever finds the record finds all. Only the newest checkpoint is carried when
several are waiting, and the newest `keep` stay. A script's folder is one checkpoint, numbered on from those before.
"""

import shutil
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.runner import checkpoints
from slipway.platform.jobs.runner.folders import Folder
from slipway.platform.jobs.runner.masking import NOTHING, Masks
from slipway.platform.jobs.runner.trying import tried
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.pieces import Pieces
from slipway.platform.runs.workplace import CHECKPOINT, Workplace
from slipway.platform.store import Store

PAUSE: Final = 1.0


class Carrier:
    """Runs from `start` to `finish`."""

    def __init__(
        self,
        store: Store,
        work: WorkKeys,
        attempt: int,
        workplace: Workplace,
        *,
        keep: int,
        masks: Masks = NOTHING,
        folder: Folder | None = None,
    ) -> None:
        """`folder` is a script's; the files of a training are complete as soon as they are there."""
        self._store, self._work, self._attempt, self._workplace = store, work, attempt, workplace
        self._keep = max(2, keep)  # the newest may turn out damaged
        keys = work.attempt(attempt)
        self._keys = keys
        self._journal = Pieces(store, keys.journal, workplace.journal, masks.data)
        self._carried = {path.name for path in checkpoints.local(workplace.checkpoints)}
        self._folder = folder
        self._killed = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="slipway-carrier", daemon=True)
        self.trouble: SlipwayError | None = None

    def start(self) -> None:
        """Begin to carry."""
        self._thread.start()

    def finish(self, patience: float, *, killed: bool = False) -> bool:
        """Carry what is left, trying for so many seconds; whether all of it arrived. `killed`: the child was."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._killed = killed
        return tried(lambda: self._carry(last=True), patience)

    def _run(self) -> None:
        while not self._stop.wait(PAUSE):
            self._carry(last=False)

    def _carry(self, *, last: bool) -> bool:
        try:
            if self._folder is None:
                self._carry_checkpoint()
            else:
                self._carry_folder(self._folder, last=last)
            if last:
                self._journal.put()
        except (SlipwayError, OSError) as error:
            self.trouble = error if isinstance(error, SlipwayError) else SlipwayError(str(error))
            return False
        self.trouble = None
        return True

    def _carry_checkpoint(self) -> None:
        waiting = [one for one in checkpoints.local(self._workplace.checkpoints) if one.name not in self._carried]
        if not waiting:
            return
        self._journal.put()
        with suppress(FileNotFoundError):  # the child has removed it for a newer one
            self._put(waiting[-1])
        self._carried.update(one.name for one in waiting)

    def _carry_folder(self, folder: Folder, *, last: bool) -> None:
        beside = self._workplace.folder / "packed"
        try:
            if folder.pack(beside / "checkpoint", last=last, killed=self._killed):
                number = 1 + max((one.step for one in checkpoints.stored(self._store, self._work)), default=0)
                self._put((beside / "checkpoint").rename(beside / CHECKPOINT.format(number)))
                folder.carried()
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    def _put(self, path: Path) -> None:
        checkpoints.upload(self._store, self._keys, path)
        own = [one for one in checkpoints.stored(self._store, self._work) if one.attempt == self._attempt]
        checkpoints.prune(self._store, own, self._keep)
