"""Ends processes for a launcher that may be gone itself: asks now, and kills what is left after a while.

Run by its path, with the standard library alone:

    python ender.py SECONDS ASK… -- KILL…

The words are numbers of inherited descriptors, each a `pidfd`: so whoever the process ids mean by then, only the
processes that were opened are signalled. ASK get SIGTERM now. What of ASK and KILL lives after SECONDS gets SIGKILL.
"""

import select
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress


def main(words: Sequence[str]) -> None:
    """Ask, wait, kill."""
    middle = words.index("--")
    asked, others = ([int(word) for word in some] for some in (words[1:middle], words[middle + 1 :]))
    tell(asked, signal.SIGTERM)
    tell(still_living([*asked, *others], time.monotonic() + float(words[0])), signal.SIGKILL)


def tell(processes: Sequence[int], number: signal.Signals) -> None:
    """Signal each that still lives."""
    for process in processes:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, number)


def still_living(processes: Sequence[int], deadline: float) -> list[int]:
    """Those that live at the deadline; returns as soon as there are none."""
    left = set(processes)
    ended = select.poll()
    for process in left:
        ended.register(process, select.POLLIN)
    while left and (seconds := deadline - time.monotonic()) > 0:
        for process, _ in ended.poll(1000 * seconds):
            ended.unregister(process)
            left.discard(process)
    return sorted(left)


if __name__ == "__main__":
    main(sys.argv[1:])
