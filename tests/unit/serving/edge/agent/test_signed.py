"""The same agent behind a real channel: real keys, python-tuf on both sides, files in a folder."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from agent_world.cutting import Cut, CuttingDisk, PowerCut, Unsynced
from agent_world.world import MODEL, World
from signed_channel import Misbehaviour, Office, Thief, serve
from slipway.serving.bundle.folder import Bundle
from slipway.serving.channel import http_transport
from slipway.serving.channel.client import ChannelClient
from slipway.serving.channel.folder_transport import FolderTransport
from slipway.serving.channel.pointer import Named, Pointer
from slipway.serving.channel.release import Release
from slipway.serving.edge.agent.driver import Agent
from slipway.serving.edge.agent.metering import NetworkMeter
from slipway.serving.edge.agent.state import Phase, State


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, bundles: dict[int, Bundle]) -> Office:
    """A channel with one release for everybody."""
    office = Office(tmp_path_factory.mktemp("office")).open()
    office.lead(bundles[1])
    return office


class Site:
    """A device that follows the office's channel, and forgets with each start what a process knows."""

    def __init__(self, office: Office, folder: Path) -> None:
        self.office, self.folder = office, folder
        self.root = office.repository().root_bytes()
        self.world = World(folder / "device")
        self.world.clock.wall = office.time.now()

    def boot(self, disk: CuttingDisk | None = None, source: Path | None = None) -> Agent:
        transport = FolderTransport(source or self.office.folder)
        self.world.channel = ChannelClient(self.folder / "trust", transport, self.root)
        return self.world.boot(disk)

    def run(self, disk: CuttingDisk | None = None) -> State:
        return self.world.poll(self.boot(disk))


@pytest.fixture
def office(made: Office, tmp_path: Path) -> Office:
    return made.copied(tmp_path / "office")


@pytest.fixture
def site(office: Office, tmp_path: Path) -> Site:
    return Site(office, tmp_path)


def number(state: State) -> int | None:
    return state.active.release.number if state.active else None


def why(state: State, what: str) -> str:
    return next((one.why for one in reversed(state.told) if one.what == what), "")


def base(office: Office, bundles: dict[int, Bundle], release: int = 1) -> Release:
    found = office.repository().release(MODEL, bundles[release].digest, release)
    assert found is not None
    return found


def second(office: Office, bundles: dict[int, Bundle]) -> None:
    """The second release, to everybody."""
    office.point(MODEL, base=base(office, bundles), target=office.add(bundles[2], 2, floor=1))
    office.repository().commit()


def test_a_release_comes_all_the_way_and_undo_brings_the_base_back(
    site: Site, office: Office, bundles: dict[int, Bundle]
) -> None:
    assert number(site.run()) == 1
    second(office, bundles)
    assert number(site.run()) == 2
    office.point(MODEL, base=base(office, bundles))
    office.repository().commit()
    state = site.run()
    assert (number(state), state.phase) == (1, Phase.SETTLED)
    assert site.world.memory.answered == [1, 1, 2, 2, 1]


def test_a_cut_anywhere_on_the_way_ends_the_same(site: Site, office: Office, bundles: dict[int, Bundle]) -> None:
    site.run()
    second(office, bundles)
    moment = 0
    while True:
        kind = list(Unsynced)[moment // 5 % len(Unsynced)]
        disk = CuttingDisk(site.world.folder, Cut(moment, 1, kind))
        try:
            state = site.run(disk)
        except PowerCut:
            moment += 5
            continue
        assert not disk.dead
        break
    assert (number(state), state.phase) == (2, Phase.SETTLED)
    assert moment > 10


def test_a_server_without_ranges_is_asked_twice_for_a_file_and_every_byte_of_it_is_counted(
    site: Site, office: Office, bundles: dict[int, Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a device with a pace of 15 bytes a second sees it, for which a file takes longer than a slice."""
    monkeypatch.setattr(http_transport, "PIECE", 100)
    site.run()
    second(office, bundles)
    world, budget = site.world, 1_000_000
    with serve(office.folder, Misbehaviour(ignore_range=True)) as served:
        world.channel = ChannelClient(site.folder / "trust", http_transport.HttpTransport(served.url), site.root)
        world.meter = NetworkMeter(world.clock, world.disk, bytes_per_second=15, bytes_per_day=budget)
        agent = world.boot()
        agent.ask()
        for _ in range(20):
            if agent.state.phase is Phase.VERIFY:
                break
            agent.step()
        sizes = {name: bundles[2].manifest.files[name].size for name in ("golden.npz", "model.fp32.onnx")}
        again = [int(path.rpartition("@")[2]) for path in served.asked if "@" in path]
        files = [path for path in served.asked if path.partition("@")[0].endswith(tuple(sizes))]
        left = world.meter.left()
    assert agent.state.phase is Phase.VERIFY
    assert (len(again), len(files)) == (2, 4)
    assert left is not None
    assert budget - left == sum(sizes.values()) + sum(again)


def test_an_expired_channel_installs_nothing_and_the_device_goes_on(
    site: Site, office: Office, bundles: dict[int, Bundle]
) -> None:
    site.run()
    second(office, bundles)
    site.world.clock.wall += timedelta(days=15)
    state = site.run()
    assert number(state) == 1
    assert "expired" in why(state, "channel")


def test_a_thief_of_the_rollout_key_stays_above_the_floor(
    site: Site, office: Office, bundles: dict[int, Bundle], tmp_path: Path
) -> None:
    site.run()
    second(office, bundles)
    third = office.add(bundles[3], 3, floor=2)
    office.point(MODEL, base=third)
    office.repository().commit()
    assert number(site.run()) == 3
    thief = Thief(office, tmp_path / "stolen", ["rollouts"])
    first = Named(number=1, bundle=bundles[1].digest)
    thief.point(Pointer(model=MODEL, sequence=900, signed_at=office.time.now(), base=first))
    agent = site.boot(source=thief.folder)
    state = site.world.poll(agent)
    assert number(state) == 3
    assert agent.running == state.active
    assert "Release 1: It is below the floor: devices that have seen the floor 2" in why(state, "refused")


def test_a_sequence_that_a_thief_signed_is_forgotten_with_the_stolen_key(
    site: Site, office: Office, bundles: dict[int, Bundle], tmp_path: Path
) -> None:
    site.run()
    thief = Thief(office, tmp_path / "stolen", ["rollouts"])
    first = Named(number=1, bundle=bundles[1].digest)
    thief.point(Pointer(model=MODEL, sequence=1 << 53, signed_at=office.time.now(), base=first))
    assert site.world.poll(site.boot(source=thief.folder)).sequence == 1 << 53
    assert "older state" in why(site.run(), "channel")
    office.new_key("rollouts")
    assert office.repository().rotate(["timestamp", "snapshot", "channels"]) == ()
    second(office, bundles)
    state = site.run()
    assert (number(state), state.sequence) == (2, 2)
    assert "an old one" not in why(state, "channel refused")


def test_a_floor_that_a_thief_of_two_keys_signed_ends_with_enrolling_anew(
    site: Site, office: Office, bundles: dict[int, Bundle], tmp_path: Path
) -> None:
    site.run()
    stolen = office.copied(tmp_path / "stolen")
    theirs = stolen.lead(bundles[2], 1 << 53, floor=1 << 53)
    state = site.world.poll(site.boot(source=stolen.folder))
    assert (number(state), state.floor) == (theirs.number, theirs.number)
    for name in ("dora", "rollouts"):
        office.new_key(name)
    assert office.repository().rotate(["models", "channels", "snapshot", "timestamp"]) == ()
    second(office, bundles)
    state = site.run()
    assert number(state) == theirs.number  # other keys alone do not bring it back
    assert "below the floor" in why(state, "refused")
    anew = Site(office, tmp_path / "anew")
    assert (number(anew.run()), anew.run().floor) == (2, 1)


def test_a_stick_installs_on_a_device_that_was_never_online_and_the_device_goes_on_from_there(
    site: Site, office: Office, tmp_path: Path
) -> None:
    stick = tmp_path / "stick"
    shutil.copytree(office.folder, stick)
    nowhere = tmp_path / "nowhere"
    nowhere.mkdir()
    agent = site.boot(source=nowhere)
    assert number(site.world.poll(agent)) is None
    agent.ask(ChannelClient(site.folder / "trust", FolderTransport(stick), site.root))
    assert number(site.world.live(agent)) == 1
    agent.close()
    shutil.rmtree(stick)
    agent = site.boot(source=nowhere)
    state = site.world.poll(agent)
    assert (number(state), agent.running) == (1, state.active)
