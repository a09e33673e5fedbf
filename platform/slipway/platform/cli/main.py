"""The script `slipway`.

Exit codes: 0 done, 1 failed, 2 wrong use, 130 interrupted. Whatever goes wrong is one message on standard error; the
traceback is shown with `SLIPWAY_DEBUG=1` only.
"""

import gc
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from slipway.platform.cli.failure import Failure, failure_of

PROGRAM = "slipway"
STDOUT = 1
GARBAGE = 20_000
"""Objects made between two looks for garbage: what is imported is none, and looking for it took a tenth of the time."""


def run() -> None:
    """The console script."""
    gc.set_threshold(GARBAGE)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # else it searches all that is installed for some
    _open_missing_streams()
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        failure = Failure("interrupted.", exit_code=130)
    except (BrokenPipeError, SystemExit):
        # The reader has gone (`slipway ... | head`), which Typer answers by leaving: nothing more can be said, also
        # not at the interpreter's exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
        return 0
    except Exception as error:  # noqa: BLE001 - the one place where every error becomes a message
        failure = failure_of(error)
        if os.environ.get("SLIPWAY_DEBUG") == "1":
            traceback.print_exception(error)
    else:
        return code
    print(failure.text(PROGRAM), file=sys.stderr)
    return failure.exit_code


def _open_missing_streams() -> None:
    """A program may be started with its streams closed, as some schedulers do; then they lead nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - as long as the process


def _dispatch(arguments: Sequence[str]) -> int:
    """Build the top level and hand over; what is not seen in a terminal is plain text."""
    from slipway.platform.cli.root import build

    result = build(plain=not sys.stdout.isatty()).main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
    return result if isinstance(result, int) else 0
