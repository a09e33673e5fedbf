"""`make demo`: the whole loop on this machine, in a clone of its own, and what happened in each act.

Everything happens under `.slipway/demo/`: a clone of what is committed, with an environment, keys and servers of its
own. Each run begins with a company that has nothing but data; what takes long to make and never differs, the
environment and the rendered data, is kept for the next one. Whatever an earlier run left behind is stopped first, so
the demo may be interrupted anywhere and repeated.
"""

import argparse
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from progress import step
from workspace import ROOT

PLACE = ROOT / ".slipway" / "demo"
PROJECT = PLACE / "project"
HOME = PLACE / "home"
"""A link to the company's home. Private keys never live below `.slipway/`, so the folder itself is elsewhere."""
KEPT = {".venv": "its environment", "data": "its data"}
"""Of the clone: made once, and brought up to date."""
INTERRUPTED = 130
TOLD = 3000
"""Characters of a failed command that are shown."""


class DemoFailed(Exception):
    """The demo cannot go on; the message says why."""


def main() -> int:
    """Prepare, then play."""
    parser = argparse.ArgumentParser(prog="make demo ARGS=", description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="leave the servers and devices running at the end")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with alone():
            started = time.monotonic()
            reused = prepare()
            told = f" Of an earlier demo {' and '.join(reused)} were there already." if reused else ""
            print(f"Ready after {time.monotonic() - started:.0f} s.{told} The demo begins.\n", flush=True)
            code = play(keep=arguments.keep)
            if code or not arguments.keep:
                remove_home()
            return code
    except DemoFailed as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted; nothing of it runs. `make demo` starts again.", file=sys.stderr)
        return INTERRUPTED


@contextmanager
def alone() -> Iterator[None]:
    """One demo at a time."""
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoFailed("another demo of this project runs; wait until it has ended.") from None
        yield


def prepare() -> Sequence[str]:
    """A clone that is set up, with its data; what of that an earlier demo had made, and nothing else of it stays."""
    stop_earlier()
    reused = clone()
    call(["make", "setup"], "an environment for it, four minutes the first time")
    call([str(PROJECT / ".venv/bin/python"), "tools/tensorrt_tools.py"], "TensorRT's builder")
    call(
        [slipway(), "data", "pull", "--force"],  # somebody may have played with what an earlier demo left
        "the data that data.dvc names, rendered in two minutes the first time",
        home=HOME.readlink(),
    )
    return reused


def stop_earlier() -> None:
    """A stack that was kept, or left behind by a kill, ends; keys, records and channel of that company go."""
    if HOME.is_symlink() and (PROJECT / ".slipway/local").exists() and Path(slipway()).exists():
        call(
            [slipway(), "local", "down", "--purge", "--yes"], "stopping what an earlier demo left", home=HOME.readlink()
        )
    remove_home()
    HOME.symlink_to(tempfile.mkdtemp(prefix="slipway-demo-"))


def remove_home() -> None:
    """With all keys that were made for the demo."""
    if HOME.is_symlink():
        shutil.rmtree(HOME.readlink(), ignore_errors=True)
        HOME.unlink()


def clone() -> Sequence[str]:
    """What is committed here, as a repository of its own; what it takes over from an earlier one."""
    fresh = PLACE / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    call(["git", "clone", "--quiet", str(ROOT), str(fresh)], "cloning", folder=PLACE)
    there = [name for name in KEPT if (PROJECT / name).exists()]
    for name in there:
        shutil.move(PROJECT / name, fresh / name)
    shutil.rmtree(PROJECT, ignore_errors=True)
    fresh.rename(PROJECT)
    commit = told(["git", "log", "-1", "--format=%h %s"])
    changed = " Changes that are not committed are not in it." if told(["git", "status", "--porcelain"]) else ""
    print(f"Playing {commit}, in {PROJECT}.{changed}", flush=True)
    return [KEPT[name] for name in there]


def play(*, keep: bool) -> int:
    """The acts, by the clone's own code; Ctrl-C is handed on to the player, which stops what it started."""
    command = [str(PROJECT / ".venv/bin/python"), "tools/demo_play.py", *(["--keep"] if keep else [])]
    with subprocess.Popen(command, cwd=PROJECT, env=environment(HOME.readlink()), start_new_session=True) as player:
        while True:
            try:
                return player.wait()
            except KeyboardInterrupt:
                player.send_signal(signal.SIGINT)


def slipway() -> str:
    """The clone's command."""
    return str(PROJECT / ".venv/bin/slipway")


def environment(home: Path | None = None) -> dict[str, str]:
    """Nobody's settings; the demo's own home where it acts, the person's where packages are fetched."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLIPWAY_", "AIRFLOW", "MAKE"))}
    bins = f"{PROJECT / '.venv/bin'}:{kept.get('PATH', '')}"
    return {**kept, "PATH": bins, "OMP_NUM_THREADS": "1", **({"HOME": str(home)} if home else {})}


def told(command: Sequence[str]) -> str:
    """What a command of git says here."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def call(command: Sequence[str], what: str, *, folder: Path | None = None, home: Path | None = None) -> None:
    """Run it to its end. What it says goes into a file; on the terminal stands what it is for, and how long it took."""
    log = PLACE / "prepare.log"
    with step(what), log.open("w") as said:
        done = subprocess.run(
            command, cwd=folder or PROJECT, env=environment(home), stdout=said, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode:
        words = log.read_text()[-TOLD:]
        raise DemoFailed(f"`{' '.join(command)}` ended with {done.returncode}:\n{words}")


if __name__ == "__main__":
    sys.exit(main())
