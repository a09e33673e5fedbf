"""A whole little company, from nothing or from what is there; killed anywhere it goes on, and nothing is replaced."""

import os
import random
import shutil
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice, pairwise
from pathlib import Path

import pytest

from forked import child, ended
from little_company import USER, Laptop
from signed_channel.office import tree
from slipway.pipelines.local.founding.cameras import USUAL, VIEWS, WORLD_SITE, Truth, cameras_of, truth_folder, truth_of
from slipway.pipelines.local.founding.fleets import DEVICES, SITE
from slipway.pipelines.local.founding.founding import staff_of
from slipway.pipelines.local.founding.sites import set_cameras, set_scenario
from slipway.pipelines.local.founding.staff import ROOTS
from slipway.platform.errors import WrongUse
from slipway.platform.registry.desk import Desk
from slipway.serving.channel.client import ChannelClient
from slipway.serving.channel.folder_transport import FolderTransport
from slipway.serving.channel.site import SiteConfig
from slipway.serving.release.keeping import keep
from slipway.serving.release.opening import open_repository
from slipway.serving.release.roles import ROOT
from slipway.serving.release.sites import load_sites
from slipway.serving.release.tuf_state import read_state
from slipway.training.world.stream import bay_camera

Founded = Callable[..., Laptop]
PICTURES_A_DAY = 52
"""Of a bay that nobody ever hides."""


def told_to_devices(laptop: Laptop, folder: Path) -> SiteConfig:
    """What a device that was never online before is told of its site."""
    channel = laptop.root / ".slipway" / "channel"
    client = ChannelClient(folder, FolderTransport(channel), (channel / "metadata" / "1.root.json").read_bytes())
    pointer = client.site(SITE, now=datetime.now(UTC))
    assert pointer is not None
    assert pointer.base is not None
    return pointer.base.config


def test_from_nothing_there_is_a_channel_that_devices_follow_and_two_of_three_keys_hold(
    founded: Founded, tmp_path: Path
) -> None:
    laptop = founded()
    config = told_to_devices(laptop, tmp_path / "trust")
    assert {one.device for one in config.streams.values()} == set(DEVICES)
    state = read_state(open_repository(Desk.of(laptop.loaded)).bench.files)
    assert state is not None
    held = {laptop.people.holder(keyid)[0].name for keyid in state.root.roles[ROOT].keyids}  # type: ignore[index]
    assert (held, state.root.roles[ROOT].threshold) == (set(ROOTS), 2)


def test_founding_again_changes_nothing_and_says_nothing(founded: Founded) -> None:
    laptop = founded()
    before = (laptop.keys, tree(laptop.root / ".slipway" / "channel"), laptop.people)
    people = laptop.found()
    assert laptop.told == []
    assert (laptop.keys, tree(laptop.root / ".slipway" / "channel"), laptop.people) == before
    assert people.person == USER
    assert people.settings == {"identity.person": USER}
    assert people.services["flows"] == {"SLIPWAY_IDENTITY__PERSON": "flows"}


def test_what_was_made_is_told_in_a_line_each(laptop: Laptop) -> None:
    laptop.found()
    assert len(laptop.told) == len(laptop.keys) + 2
    assert "is whole: devices can follow it" in laptop.told[-2]
    assert "has cameras" in laptop.told[-1]


def test_killed_again_and_again_it_goes_on_with_the_keys_that_there_are(
    laptop: Laptop, tmp_path: Path, seed: int
) -> None:
    chance, known = random.Random(seed), dict[str, bytes]()

    def dying(place: int) -> Callable[[], object]:
        own = os.fsync
        left = place

        def counted(file: int) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            own(file)

        def work() -> object:
            os.fsync = counted  # type: ignore[assignment]
            return laptop.found()

        return work

    kills = 0
    while (status := ended(child(dying(chance.randint(2, 12))))) != 0:
        assert status == -signal.SIGKILL
        kills += 1
        assert known.items() <= laptop.keys.items()
        known = laptop.keys
    assert kills > 5
    laptop.found()
    assert laptop.told == []
    entries = Desk.of(laptop.loaded).ledger.entries()
    assert [one.entry.decision.action.value for one in entries] == ["configure"]
    assert told_to_devices(laptop, tmp_path / "trust").streams


def test_a_channel_that_is_there_is_used_and_gets_no_root_keys_of_a_laptop(founded: Founded, tmp_path: Path) -> None:
    laptop = founded()
    other = Laptop(tmp_path / "other")
    shutil.copytree(laptop.root / ".slipway" / "channel", other.root / ".slipway" / "channel")
    shutil.copy(laptop.root / ".slipway" / "people.toml", other.root / ".slipway" / "people.toml")
    keys = other.loaded.settings.identity.keys
    shutil.copytree(laptop.loaded.settings.identity.keys, keys)
    for name in ROOTS:
        (keys / f"{name}.pem").unlink()
    before = tree(other.root / ".slipway" / "channel")
    other.found()
    assert not set(ROOTS) & set(other.keys)
    after = tree(other.root / ".slipway" / "channel")
    assert {name: after[name] for name in before if ".root." in name} == {
        name: data for name, data in before.items() if ".root." in name
    }


def test_a_protected_context_is_refused_before_anything_is_made(laptop: Laptop) -> None:
    laptop.environ["SLIPWAY_PROTECTED"] = "true"
    with pytest.raises(WrongUse, match="is protected"):
        laptop.found()
    assert laptop.keys == {}


def test_the_channel_is_kept_alive_by_the_keys_that_were_made(founded: Founded) -> None:
    desk = Desk.of(founded().acting("rollout"))
    kept = keep(open_repository(desk), desk, now=True)
    assert (kept.undone, kept.late) == (False, ())
    assert {"timestamp", "snapshot", "channels"} <= set(kept.renewed)


def test_what_somebody_has_set_for_the_site_stays(founded: Founded) -> None:
    laptop = founded()
    assert set_cameras(laptop.acting(), DEVICES[0], {}, reason="being cleaned")
    laptop.found()
    site = load_sites(Desk.of(laptop.loaded))[SITE]
    assert site.newest is not None
    assert not site.newest.config.streams_of(DEVICES[0])


def test_cameras_of_one_device_are_exchanged_and_those_of_the_others_stay(founded: Founded, tmp_path: Path) -> None:
    laptop = founded()
    before = told_to_devices(laptop, tmp_path / "before").streams
    night = cameras_of(1, DEVICES[1], "night-shift", ["bay-occupancy"])
    assert set_cameras(laptop.acting(), DEVICES[1], night, reason="night comes")
    assert not set_cameras(laptop.acting(), DEVICES[1], night, reason="night comes")
    after = told_to_devices(laptop, tmp_path / "after").streams
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert {after[name].device for name in changed} == {DEVICES[1]}
    assert all(one.source.startswith("world:night-shift/") for one in after.values() if one.device == DEVICES[1])


def test_all_devices_see_another_scenario_by_one_entry(founded: Founded, tmp_path: Path) -> None:
    laptop = founded()
    assert set_scenario(laptop.acting(), "night-shift", reason="night comes", bay_fps=4)
    assert len([*Desk.of(laptop.loaded).ledger.entries()]) == 2
    sources = [one.source for one in told_to_devices(laptop, tmp_path / "trust").streams.values()]
    assert all(source.startswith("world:night-shift/") for source in sources)
    assert {source.rpartition("?")[2] for source in sources if "gate" not in source} == {"fps=4"}


def test_a_device_that_there_is_not_gets_no_cameras(founded: Founded) -> None:
    with pytest.raises(WrongUse, match="`north-99` is no device"):
        set_cameras(founded().acting(), "north-99", {}, reason="none")


@pytest.mark.parametrize(("camera", "bay"), [(camera, bay) for camera, bays in VIEWS for bay in bays])
def test_a_camera_sees_its_bay_for_most_of_a_day(camera: str, bay: str) -> None:
    lights = [one.light for one in islice(bay_camera(USUAL, WORLD_SITE, camera, bay), 3 * PICTURES_A_DAY)]
    days = sum(then == ("night", "day") for then in pairwise(lights))
    assert days <= 6
    assert set(lights) == {"day", "dusk", "night"}


def test_what_was_true_is_known_for_a_stream_and_a_moment(laptop: Laptop) -> None:
    folder = truth_folder(laptop.place, DEVICES[0])
    folder.mkdir(parents=True)
    (folder / "harbour.aisle-west.N3.jsonl").write_text(
        '{"at": "2026-11-29T12:00:00+00:00", "truth": "free", "light": "day"}\n'
        '{"at": "2026-11-29T12:00:10+00:00", "truth": "occupied", "light": "day"}\n'
        '{"at": "2026-11-29T12:00'
    )
    at = datetime(2026, 11, 29, 12, 0, 5, tzinfo=UTC)
    stream = f"{DEVICES[0]}-n3"
    assert truth_of(laptop.place, DEVICES[0], stream, at) == Truth("free", "day")
    assert truth_of(laptop.place, DEVICES[0], stream, at.replace(second=9, microsecond=999_999)) == Truth("free", "day")
    assert truth_of(laptop.place, DEVICES[0], stream, at.replace(second=10)) == Truth("occupied", "day")
    assert truth_of(laptop.place, DEVICES[0], stream, at.replace(hour=1)) is None
    assert truth_of(laptop.place, DEVICES[0], f"{DEVICES[0]}-n4", at) is None


def test_looking_at_who_acts_makes_nobody(laptop: Laptop) -> None:
    assert staff_of(laptop.loaded).person == USER
    assert laptop.keys == {}
