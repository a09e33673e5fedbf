"""Real commands, killed by SIGKILL before each thing that they write, and run again each time.

Arguments: an empty folder, and for each scenario its name, the first write to die before, and the distance to the next,
as `init:0:5`. Prints one JSON object for each moment of death: what a device saw then, and what stood once the command
had been run again.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[4] / "partners"))

from channel_machines import Machines
from rolling_out import Site
from signed_channel import Follower, KillingStore, Office
from slipway.serving.channel.errors import ChannelError
from slipway.serving.channel.transport import NotThere
from slipway.serving.release import opening, tuf_repository
from slipway.serving.release.places import channel_store

MOST: Final = 200
SHOWN: Final = frozenset({"replace", "unlink", "rmdir"})
"""Calls that change what is in a folder under a name that somebody reads."""


class Scenario:
    """A project before the command, the command, and what a device sees of it."""

    def __init__(self, command: list[str], prepare: Callable[[Office], None], *, founded: bool = True) -> None:
        self.command, self.prepare, self.founded = command, prepare, founded

    def made(self, root: Path) -> Office:
        """The project."""
        if not self.founded:
            return Office(root).known()
        site = Site(root).open()
        site.release("a")
        return site

    def place(self, office: Office) -> Path:
        """What the device reads."""
        return office.root / "stick" if self.command[0] == "export" else office.folder

    def seen(self, office: Office, trust: Path) -> str:
        """What a device says of the channel now."""
        first = self.place(office) / "metadata/1.root.json"
        if not self.founded and not (self.place(office) / "metadata/timestamp.json").exists():
            return "nothing yet"
        follower = Follower(trust, first.read_bytes(), office)
        try:
            look = follower.look(self.place(office))
            follower.fetch(self.place(office))
        except NotThere as error:
            return "empty" if "lists no channels/" in str(error) else f"NotThere: {error}"
        except ChannelError as error:
            return f"{type(error).__name__}: {error}"
        return f"release {look.base.number}" if look.base else "no release"


def new_keys(*names: str) -> Callable[[Office], None]:
    """Some people have new keys."""

    def prepare(office: Office) -> None:
        for name in names:
            office.new_key(name)

    return prepare


def newer(office: Office) -> None:
    """A stick with release 1, and release 2 in the channel."""
    Machines(office).well("everybody", "export", "stick")
    assert isinstance(office, Site)
    office.release("b")


SCENARIOS: Final = {
    "init": Scenario(["init"], lambda _: None, founded=False),
    "rotate-root": Scenario(["rotate-key", "root"], new_keys("ada")),
    "rotate-models": Scenario(["rotate-key", "models"], new_keys("dora")),
    "keepalive": Scenario(["keepalive", "--now"], lambda _: None),
    "export": Scenario(["export", "stick"], newer),
}


def die_at_write(step: int) -> None:
    """Before that write to the channel's store."""
    for module in (opening, tuf_repository):
        vars(module)["channel_store"] = lambda loaded: KillingStore(channel_store(loaded), step, really=True)


def die_at_call(step: int) -> None:
    """Before that call which changes a folder."""
    left = step

    def watch(_frame: FrameType, event: str, call: Any) -> None:
        nonlocal left
        if event == "c_call" and getattr(call, "__name__", "") in SHOWN and getattr(call, "__module__", "") == "posix":
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

    sys.setprofile(watch)


def killed(scenario: Scenario, office: Office, step: int) -> bool:
    """Run the command in a child that dies then; whether it died."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            (die_at_call if scenario.command[0] == "export" else die_at_write)(step)
            Machines(office).well("everybody", *scenario.command)
            status = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or status == 0, "the command failed"
    return os.WIFSIGNALED(status)


def versions(office: Office) -> dict[str, list[str]]:
    """What lies in the channel: by role, the versions."""
    found: dict[str, list[str]] = {}
    for path in sorted((office.folder / "metadata").iterdir()):
        version, _, role = path.name.removesuffix(".json").rpartition(".")
        found.setdefault(role, []).append(version)
    return found


def main(name: str, root: Path, first: int, distance: int) -> None:
    """Die before one write after the other."""
    scenario = SCENARIOS[name]
    office = scenario.made(root / "office")
    scenario.prepare(office)
    for step in count(first, distance):
        assert step < MOST, "it never gets through"
        copied = office.copied(root / str(step))
        died = killed(scenario, copied, step)
        meanwhile = scenario.seen(copied, root / f"trust-{step}")
        machines = Machines(copied)
        again = machines.at("everybody", *scenario.command)
        once_more = versions(copied)
        if scenario.command[0] == "init":
            machines.well("everybody", *scenario.command)
        told = {
            "name": name, "died": died, "meanwhile": meanwhile, "again": again.code, "error": again.err[-300:],
            "after": scenario.seen(copied, root / f"trust-{step}"), "verified": machines.at("everybody", "verify").out,
            "versions": versions(copied), "settled": once_more == versions(copied),
            "unfinished": [str(one) for one in scenario.place(copied).rglob(".unfinished-*")],
        }  # fmt: skip
        sys.stdout.write(json.dumps(told) + "\n")
        if not died:
            return


for wanted in sys.argv[2:]:
    called, begin, apart = wanted.split(":")
    main(called, Path(sys.argv[1]) / called, int(begin), int(apart))
