"""Saying what is being done while it takes time: a moving line in a terminal, a plain one now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from slipway.platform.cli.output import say

PAUSE: Final = 4.0
"""Seconds between two lines where nobody watches."""


@contextmanager
def remarks() -> Iterator[Callable[[str], None]]:
    """Told in a few words what is being done now."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.markup import escape

        with Console(stderr=True).status("starting") as status:
            yield lambda text: status.update(escape(text))
        return
    told = time.monotonic()

    def line(text: str) -> None:
        nonlocal told
        if time.monotonic() - told >= PAUSE:
            told = time.monotonic()
            say(text)

    yield line
