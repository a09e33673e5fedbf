"""The program of a job's node: `python -m slipway.platform.jobs.runner KEY --attempt N --node I [--lock FD]`.

It runs in the project's root, or in an empty folder, with settings from slipway.toml and `SLIPWAY_*`. Before anything
else it writes its process id into the lock that it was given, so that whoever started it can find it again. Exit codes:
0 done, or another process does it; 75 to be gone on with; anything else is a failure.
"""

import os
import signal
import sys
from collections.abc import Sequence


def _sign(words: Sequence[str]) -> None:
    """Say in the lock who holds it; a command line that is wrong is complained about later."""
    if "--lock" not in words[:-1]:
        return
    descriptor = words[words.index("--lock") + 1]
    if descriptor.isdecimal():
        os.ftruncate(int(descriptor), 0)
        os.pwrite(int(descriptor), f"{os.getpid()}\n".encode(), 0)


def _run() -> int:
    if os.getpid() == 1:
        from slipway.platform.jobs.runner.init import as_first_process

        as_first_process()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # from now on, whatever is being imported
    _sign(sys.argv)
    from slipway.platform.jobs.runner.main import main

    return main(sys.argv[1:], os.environ)


if __name__ == "__main__":
    try:
        CODE = _run()
    except KeyboardInterrupt:
        CODE = 75
    sys.exit(CODE)
