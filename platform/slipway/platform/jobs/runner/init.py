"""Being process 1 of a container: what the kernel expects of it, kept apart from the runner.

Process 1 inherits every orphan and has to reap it, and a signal without a handler does not reach it. The runner, which
waits for children of its own, goes on in a child of process 1; that one only reaps, passes signals on, and ends as the
runner ended. With it ends everything in the container.
"""

import os
import signal
from contextlib import suppress
from types import FrameType
from typing import Final

PASSED_ON: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
BY_SIGNAL: Final = 128


def as_first_process() -> None:
    """Return in a child; process 1 itself stays here until that child ends, and ends with its code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)  # until there is somebody to pass them to
    runner = os.fork()
    if runner == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        return

    def pass_on(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's arguments
        with suppress(ProcessLookupError):
            os.kill(runner, number)

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    os._exit(_reap_until(runner))


def _reap_until(runner: int) -> int:
    """Reap whatever ends; the exit code when it is the runner."""
    while True:
        pid, status = os.wait()
        if pid == runner:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else BY_SIGNAL - code
