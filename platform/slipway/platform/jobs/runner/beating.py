"""Signs of life of an attempt, every few seconds, from a thread of the runner."""

import threading
from typing import Final

from slipway.platform.jobs.runner.following import Following
from slipway.platform.jobs.runner.stopping import Stop
from slipway.platform.runs.attempts import Attempt
from slipway.platform.runs.errors import AttemptTaken, Silent

PAUSE: Final = 3.0


class Beating:
    """Beats from `start` to `end`; tells `stop` when this attempt is no longer the one that counts."""

    def __init__(self, attempt: Attempt, following: Following, stop: Stop, pause: float = PAUSE) -> None:
        self._attempt, self._following, self._stop, self._pause = attempt, following, stop, pause
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="slipway-beating", daemon=True)
        self.phase = "starting"
        """Until the child tells one."""
        self.heard = True
        """Whether the store took the last sign."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """No more signs."""
        self._over.set()

    def _run(self) -> None:
        try:
            while True:
                self.heard = self._beat()
                if self._over.wait(self._pause):
                    return
        except (AttemptTaken, Silent) as error:
            self._stop.lost = error

    def _beat(self) -> bool:
        told = self._following.progress
        return self._attempt.beat(
            step=int(told.get("step", 0)),
            steps=int(told.get("steps", 0)),
            phase=str(told.get("phase", self.phase)),
            progress=told,
        )
