"""The real supervisor with the tiny components of a file: `supervising.py ROOT SPEC --lock FD …`."""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from slipway.pipelines.local.checking import Checking
from slipway.pipelines.local.component import Check, Component
from slipway.pipelines.local.keeping import Patience
from slipway.pipelines.local.place import Place
from slipway.pipelines.local.standing import Standing
from slipway.pipelines.local.supervisor import Supervisor, given_to

sys.path.append(str(Path(__file__).parents[1]))
from tiny_stack import LIVES, Tiny


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("spec", type=Path)
    parser.add_argument("--lock", type=int)
    parser.add_argument("--hold", type=int, action="append", default=[])
    parser.add_argument("--detached", action="store_true")
    asked = parser.parse_args()
    given_to([asked.lock, *asked.hold])
    place = Place(asked.root, os.environ)
    spec = json.loads(asked.spec.read_text())
    standing = Standing(supervisor=os.getpid(), by="ada", since=time.time(), detached=asked.detached)
    return Supervisor(
        place,
        [component(place, Tiny(**one)) for one in spec["components"]],
        standing,
        holds=asked.hold,
        patience=Patience(**spec["patience"]),
        checking=Checking(starting=0.02, well=0.05),
    ).run()


def component(place: Place, tiny: Tiny) -> Component:
    command = [place.python, "-I", "-S", "-c", f"NAME = {tiny.name!r}\n{LIVES}\n{tiny.does}"]
    return Component(
        name=tiny.name,
        group="tiny",
        command=[tiny.program] if tiny.program else command,
        folder=place.root,
        environ=place.environ(),
        ready=file_there(place.root / tiny.name),
        after=tiny.after,
        once=tiny.once,
        start_seconds=tiny.start_seconds,
        hung_seconds=tiny.hung_seconds,
        stop_seconds=tiny.stop_seconds,
    )


def file_there(path: Path) -> Check:
    """Healthy when a file exists."""
    return lambda: "" if path.exists() else f"{path.name} is not there yet"


if __name__ == "__main__":
    sys.exit(main())
