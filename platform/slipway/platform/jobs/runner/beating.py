"""Signs of life of an attempt, every few seconds, from a thread; with each it hears who wants it to end."""

import threading
from contextlib import suppress
from typing import Final

from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.runner.following import Following
from slipway.platform.jobs.runner.limits import Guard
from slipway.platform.jobs.runner.stopping import Halt, Stop
from slipway.platform.runs.attempts import Attempt
from slipway.platform.runs.errors import AttemptTaken, Silent

PAUSE: Final = 3.0


class Beating:
    """Beats from `start` to `end`; tells `stop` when this attempt is cancelled, or no longer the one that counts."""

    def __init__(
        self, attempt: Attempt, following: Following, stop: Stop, guard: Guard | None = None, pause: float = PAUSE
    ) -> None:
        self._attempt, self._following, self._stop = attempt, following, stop
        self._guard, self._pause = guard, pause
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

    def hear(self) -> None:
        """Look whether somebody wants this attempt to end."""
        if self._stop.phase == "concluding" or self._over.is_set():
            return
        cancellation = self._attempt.cancellation()
        if cancellation is not None:
            self._stop.halt(Halt.cancelled(cancellation))

    def _run(self) -> None:
        try:
            while True:
                self.heard = self._beat()
                if self.heard:
                    with suppress(SlipwayError):  # it is asked again with the next sign
                        self.hear()
                if self._over.wait(self._pause):
                    return
        except (AttemptTaken, Silent) as error:
            self._stop.lost = error

    def _beat(self) -> bool:
        told = self._following.progress
        memory = {"memory": self._guard.memory} if self._guard and self._guard.memory else {}
        return self._attempt.beat(
            step=int(told.get("step", 0)),
            steps=int(told.get("steps", 0)),
            phase=str(told.get("phase", self.phase)),
            progress={**told, **memory},
            still=round(self._guard.still, 1) if self._guard else 0.0,
        )
