"""Telling a waiting person what happens and that it still does."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

TICK_SECONDS = 10.0


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Announce a step, show that it lives where nobody watches a progress bar, and say how long it took."""
    started = time.monotonic()
    done = threading.Event()
    print(title, flush=True)

    def tick() -> None:
        while not done.wait(TICK_SECONDS):
            print(f"      ... {time.monotonic() - started:.0f} s", flush=True)

    if not sys.stdout.isatty():
        threading.Thread(target=tick, daemon=True).start()
    outcome = "stopped after"
    try:
        yield
        outcome = "done in"
    finally:
        done.set()
        print(f"      {outcome} {time.monotonic() - started:.1f} s", flush=True)
