"""The pages about a channel and its keys, followed word for word, each block at the machine that its title names."""

import json
import re
import shlex
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from channel_machines import Machines, days_ago
from rolling_out import Site
from signed_channel import Follower, Office, Thief
from slipway.platform.identity.key_ring import KeyRing
from slipway.serving.channel.errors import Untrusted

PAGES = Path(__file__).parents[5] / "docs/how-to"
KEYS = {"5e1f03aa": "ben", "77c0d1f2": "dora", "0b9e4c31": "rollouts", "9d20ab6e": "clock"}
"""Keyids on the page, with whose they are."""
ONLINE = ("channels", "snapshot", "timestamp")
SECTIONS = {
    "A root holder": ("ben", ("root", "targets")),
    "A releaser": ("dora", ("models",)),
    "The rollout service": ("rollouts", ONLINE),
    "The clock": ("clock", ("timestamp",)),
}


@dataclass(frozen=True)
class Block:
    """Commands that somebody types."""

    who: str
    commands: tuple[str, ...]


def blocks(page: str, section: str | None = None, **instead: str) -> Iterator[Block]:
    """The marked blocks of a page, or of one of its sections; `instead` replaces words."""
    text = (PAGES / page).read_text(encoding="utf-8")
    if section is not None:
        (text,) = re.findall(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    for who, body in re.findall(r'^```bash title="(\w+)"\n(.*?)^```$', text, re.MULTILINE | re.DOTALL):
        words = re.compile("|".join(rf"\b{old}\b" for old in instead) or r"(?!)")
        yield Block(who, tuple(words.sub(lambda found: instead[found[0]], body).splitlines()))


class Reader:
    """Does what the page says."""

    def __init__(self, office: Office) -> None:
        self.machines = Machines(office, own=True)
        self.office = office

    def follow(self, found: Iterator[Block], seen: Any = lambda: None) -> None:
        """Run all of it; `seen` is called after each command."""
        for block in found:
            for command in block.commands:
                self.run(block.who, command)
                seen()

    def run(self, who: str, command: str) -> None:
        words, _, redirected = command.partition(" > ")
        first, *rest = [self.keyid(word) for word in shlex.split(words)]
        home = self.machines.home(who)
        if first == "mv":
            source, to = (Path(one.replace("~", str(home))) for one in rest)
            source.rename(to)
            return
        assert first == "slipway", command
        done = self.machines.slipway(who, *rest)
        late = rest[:2] == ["channel", "keepalive"]
        assert done.code == 0 or late, f"{who}: {command}\n{done.out}{done.err}"
        if redirected:
            (self.office.root / redirected).write_text(done.out)

    def keyid(self, word: str) -> str:
        """The page's keyid is somebody's first key here."""
        if word not in KEYS:
            return word
        return self.office.people().person(KEYS[word]).keys[0].keyid[:8]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A channel with a release that everybody runs."""
    site = Site(tmp_path_factory.mktemp("how-to") / "office", time=days_ago(0.1)).open()
    site.release("a")
    written = site.entries()[-1].entry.at
    while datetime.now(UTC).replace(microsecond=0) <= written:  # a revocation from now on is in whole seconds
        time.sleep(0.02)
    return site


def follower(office: Office, trust: Path) -> Follower:
    return Follower(trust, (office.folder / "metadata/1.root.json").read_bytes(), office)


def test_a_channel_is_founded(tmp_path: Path) -> None:
    office = Office(tmp_path / "office")
    (office.root / ".slipway").mkdir(parents=True)
    (office.root / "slipway.toml").touch()
    reader = Reader(office)
    reader.follow(blocks("channel.md", "Found one"))
    told = json.loads(reader.machines.well("cleo", "status", "--json"))
    assert (told["whole"], told["waits"]) == (True, [])
    assert {tuple(one["holders"]) for one in told["roles"]} == {("ada", "ben", "cleo"), ("dora",), ("rollouts",)}
    for section in ("See how it stands", "Keep it alive"):
        reader.follow(blocks("channel.md", section))


def test_it_is_exported_to_a_stick(prepared: Site, tmp_path: Path) -> None:
    office = prepared.copied(tmp_path / "office")
    Reader(office).follow(blocks("channel.md", "Export it to a USB stick"))
    assert follower(office, tmp_path / "trust").fetch(office.root / "stick") > 0


@pytest.mark.parametrize("section", SECTIONS)
def test_a_key_is_replaced_and_devices_follow(section: str, prepared: Site, tmp_path: Path) -> None:
    """At no moment does a device doubt the channel, and who has the old key is shut out."""
    name, roles = SECTIONS[section]
    office = prepared.copied(tmp_path / "office")
    reader, device = Reader(office), follower(office, tmp_path / "trust")

    def seen() -> None:
        assert device.look().base is not None

    seen()
    if name == "clock":
        reader.follow(blocks("channel-keys.md", "A planned change"), seen)
    thief = stolen(office, reader.machines.home(name), tmp_path / "thief", name)
    reader.follow(blocks("channel-keys.md", section), seen)
    assert device.fetch() > 0
    assert follower(office, tmp_path / "new").fetch() > 0
    whole = reader.machines.at("ada", "verify")
    assert whole.code == 0, whole.out
    if set(roles) & set(ONLINE):
        thief.show()
        with pytest.raises(Untrusted):
            device.look(thief.folder)
    seen()


def test_the_clock_may_hold_the_snapshot_as_well(prepared: Site, tmp_path: Path) -> None:
    office = prepared.copied(tmp_path / "office")
    reader, device = Reader(office), follower(office, tmp_path / "trust")
    for section in ("A planned change", "The clock"):
        reader.follow(blocks("channel-keys.md", section, timestamp="snapshot"))
        reader.run("rollouts", "slipway channel keepalive")
        assert device.look().base is not None
    reader.machines.well("ada", "verify")


def stolen(office: Office, home: Path, folder: Path, name: str) -> Thief:
    """Somebody with a copy of the channel and of that key."""
    copied = folder.with_name("keys-of-the-thief")
    ring = copied / ".config" / "slipway" / "keys"
    shutil.copytree(home, copied)
    thief = Thief(office, folder, [name])
    thief.office = _Keys(office, KeyRing(ring))  # type: ignore[assignment]
    return thief


class _Keys:
    """The office as the thief has it: with the keys that were stolen."""

    def __init__(self, office: Office, ring: KeyRing) -> None:
        self._office, self._ring = office, ring

    def __getattr__(self, name: str) -> Any:
        return getattr(self._office, name)

    def key(self, name: str) -> Any:
        return self._ring.load(name)
