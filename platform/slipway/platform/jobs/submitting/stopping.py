"""Work whose last attempt is being stopped: nothing begins beside that, and who can wait goes on behind it."""

import time
from typing import Final

from slipway.platform.jobs.launchers.contract import LauncherUnreachable
from slipway.platform.jobs.overseeing.deciding import Record, Stop, Wait, decide
from slipway.platform.jobs.overseeing.overseer import Overseer
from slipway.platform.jobs.watching import Watcher
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import Cancellation
from slipway.platform.runs.standing import Standing
from slipway.platform.store import Store

PAUSE: Final = 0.5


class Stopping:
    """Sees attempts to their end that are being stopped, or should be gone."""

    def __init__(self, store: Store, overseer: Overseer, watcher: Watcher) -> None:
        self._store, self._overseer, self._watcher = store, overseer, watcher

    def wait(self, key: str) -> None:
        """Until an attempt that is being stopped is over, and its job gone."""
        told = ""
        while words := self.words(self._overseer.standing(key)):
            if words != told:
                self._watcher.note(words)
            told = words
            time.sleep(PAUSE)

    def is_cancelled(self, now: Standing) -> bool:
        """Whether somebody wants its last attempt to end."""
        return Cancellation.load(self._store, WorkKeys(now.key).attempt(now.number).cancellation) is not None

    def words(self, now: Standing) -> str:
        """In words that the last attempt is being stopped, or nothing; what has to be done for that is done."""
        if now.spec is None or (now.under_way and not self.is_cancelled(now)):
            return ""
        words = f"{now.told()} It is being stopped."
        if not now.spec.job:
            return words if now.under_way else ""
        for _ in range(2):
            try:
                seen = self._overseer.look(now.key)
                step = decide(seen)
                if isinstance(step, Record | Stop):
                    self._overseer.act(seen, step)
            except LauncherUnreachable as error:
                if now.under_way:
                    return f"{words} {error}"
                self._watcher.note(str(error))
                return ""  # it was silent for so long that it has stopped itself
            if isinstance(step, Stop) or (isinstance(step, Wait) and not step.resting):
                return words
        return ""
