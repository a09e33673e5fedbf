"""The acts of `make demo`, played in the demo's own clone by the clone's own code.

Each act is what people do: commands, Airflow's pages through its API, devices that follow the channel. It says in two
lines what happened and where to look. The first act that does not end as it must ends the demo, and the stack with it.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from demo_acts import ACTS, PLAN, WATCHED_DAY, Demo
from demo_company import ActFailed, Company

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT.parent / "pictures"
INTERRUPTED = 130


@dataclass
class Times:
    """How long each act took."""

    rows: list[tuple[str, float]] = field(default_factory=list)

    def of(self, name: str, act: Callable[[], tuple[str, str]]) -> None:
        """Play one, and say what happened."""
        started = time.monotonic()
        happened, look = act()
        self.rows.append((name, time.monotonic() - started))
        print(f"{name}: {happened}\n  look: {look}", flush=True)

    def table(self) -> str:
        """All of them, with their sum."""
        lines = [f"{'act':<28} {'seconds':>7}", *(f"{name:<28} {seconds:7.0f}" for name, seconds in self.rows)]
        return "\n".join([*lines, f"{'together':<28} {sum(seconds for _, seconds in self.rows):7.0f}"])


def main() -> int:
    """Play them all; the stack ends with the demo, unless it is to be kept."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--keep", action="store_true")
    keep = parser.parse_args().keep
    signal.signal(signal.SIGINT, signal.default_int_handler)
    settings = {"SLIPWAY_WATCH__DAY_HOURS": WATCHED_DAY, "SLIPWAY_FLEET__PLAN": str(ROOT / PLAN)}
    company = Company(ROOT, lambda text: print(text, flush=True), environ={**os.environ, **settings})
    demo = Demo(company, PICTURES)
    times = Times()
    whole = False
    try:
        for name, act in ACTS:
            times.of(name, partial(act, demo))
        whole = True
    except ActFailed as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print(f"\n{times.table()}\n{demo.engines()}", flush=True)
        if whole and keep:
            print(f"\nIt stays up. cd {ROOT}; HOME={Path.home()} .venv/bin/slipway local status|open|down", flush=True)
        else:
            stop()
    return 0


def stop() -> None:
    """No process of the demo stays."""
    print("Stopping the stack ...", flush=True)
    command = [str(Path(sys.executable).parent / "slipway"), "local", "down"]
    subprocess.run(command, cwd=ROOT, check=False, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
