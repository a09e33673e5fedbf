"""No byte twice, none that is wrong, none that does not fit, and never more than was allowed."""

import os
import stat
from pathlib import Path

import pytest

import small_onnx
from agent_world.bundles import made
from agent_world.world import MemoryChannel, World
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import MANIFEST
from slipway.serving.channel.looking import Remote
from slipway.serving.channel.release import Release
from slipway.serving.edge.agent.disk import RealDisk
from slipway.serving.edge.agent.driver import Agent
from slipway.serving.edge.agent.effects import Fetch
from slipway.serving.edge.agent.fetching import SLICE
from slipway.serving.edge.agent.metering import NetworkMeter
from slipway.serving.edge.agent.state import Phase, State

SLOT = "models/small-bays"


@pytest.fixture
def agent(world: World) -> Agent:
    """A device on which the first release has settled, in front of the second."""
    agent = world.boot()
    world.live(agent)
    world.told.read_bytes.clear()
    world.told.point(1, 2)
    agent.ask()
    return agent


def number(state: State) -> int | None:
    return state.active.release.number if state.active else None


def why(state: State, what: str = "fetch put off") -> str:
    return next((one.why for one in reversed(state.told) if one.what == what), "")


def sizes(bundle: Bundle) -> dict[str, int]:
    return {name: file.size for name, file in bundle.manifest.files.items()}


def test_only_what_the_class_needs_and_the_other_slot_lacks_is_fetched(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    assert number(world.live(agent)) == 2
    size = sizes(bundles[2])
    assert world.told.read_bytes == {name: size[name] for name in ("golden.npz", "model.fp32.onnx")}
    slot = world.folder / SLOT / "b"
    assert sorted(os.listdir(slot)) == ["golden.npz", MANIFEST, "model.fp32.onnx", "reference.json"]  # noqa: PTH208
    assert (slot / "reference.json").stat().st_ino == (world.folder / SLOT / "a/reference.json").stat().st_ino
    assert not (world.folder / SLOT / "parts").exists()


def test_everything_is_for_the_device_s_user_alone(world: World, agent: Agent) -> None:
    world.live(agent)
    for path in world.folder.rglob("*"):
        if ".engines/" not in str(path):  # the runtime's
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_transfer_that_breaks_goes_on_where_it_broke(world: World, agent: Agent, bundles: dict[int, Bundle]) -> None:
    world.told.breaks_after = 300
    state = world.live(agent)
    assert number(state) == 2
    size = sizes(bundles[2])
    assert world.told.read_bytes["golden.npz"] == size["golden.npz"]
    assert world.told.read_bytes["model.fp32.onnx"] == size["model.fp32.onnx"]
    assert "broke after" in why(state)


def test_a_file_that_is_wrong_by_one_bit_is_removed_told_and_not_the_release_s_fault(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    world.told.spoils.add("model.fp32.onnx")
    state = world.live(agent, seconds=3600)
    assert (number(state), state.bad) == (1, ())
    found = bundles[2].manifest.files["model.fp32.onnx"].sha256
    assert f"the manifest says {found}; it was removed." in why(state)
    assert not (world.folder / SLOT / "parts" / found).exists()
    world.told.spoils.clear()
    assert number(world.live(agent)) == 2


def test_an_endless_file_is_cut_off_by_whoever_reads_it(world: World, agent: Agent) -> None:
    """The channel gives no more than was signed; a part that is too long all the same is removed."""
    while not isinstance(agent.step()[0], Fetch):
        pass
    parts = world.folder / SLOT / "parts"
    coming = agent.state.coming
    assert coming is not None
    digest = world.told.bundles[coming.release.bundle].manifest.files["model.fp32.onnx"].sha256
    parts.mkdir(exist_ok=True)
    (parts / digest).write_bytes(b"x" * 100_000)
    state = world.live(agent)
    assert "has more than" in why(state)
    assert number(state) == 2


def test_a_list_that_contradicts_the_manifest_keeps_the_release_waiting_and_is_not_held_against_it(
    world: World, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lying(_: MemoryChannel, __: Release, names: list[str]) -> tuple[Remote, ...]:
        return tuple(Remote(f"models/small-bays/x/{name}", 7, "0" * 64) for name in names)

    with monkeypatch.context() as patch:
        patch.setattr(MemoryChannel, "files", lying)
        state = world.live(agent)
        assert (number(state), state.bad) == (1, ())
        assert any("by the release key" in one.why for one in state.told)
    assert number(world.live(agent)) == 2


def test_what_lies_in_the_slot_and_belongs_to_nobody_is_cleared_away(world: World, agent: Agent) -> None:
    slot = world.folder / SLOT / "b"
    slot.mkdir()
    (slot / "left-over.onnx").write_bytes(b"x")
    (slot / "folder").mkdir()
    (slot / "folder" / "file").write_bytes(b"x")
    (slot / "golden.npz").symlink_to("/etc/passwd")
    assert number(world.live(agent)) == 2


def test_a_file_that_the_slot_had_under_another_name_is_used(world: World, agent: Agent) -> None:
    bundle = world.told.bundles[world.told.releases[2].bundle]
    slot = world.folder / SLOT / "b"
    slot.mkdir()
    (slot / "old-name.onnx").write_bytes((bundle.folder / "model.fp32.onnx").read_bytes())
    assert number(world.live(agent)) == 2
    assert list(world.told.read_bytes) == ["golden.npz"]


def test_after_a_start_without_a_network_what_was_fetched_is_gone_on_with(world: World, agent: Agent) -> None:
    while agent.state.phase is not Phase.VERIFY:
        agent.step()
    world.told.offline = True
    assert number(world.live(world.boot())) == 2


def test_a_request_to_stop_is_heard_between_two_pieces_and_keeps_what_came(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    while not isinstance(agent.step()[0], Fetch):
        pass
    world.clock.stopping = True
    agent.run()
    agent.run()
    agent.close()
    assert sum(world.told.read_bytes.values()) < sum(sizes(bundles[2]).values())
    world.clock.stopping = False
    state = world.live(world.boot())
    assert number(state) == 2
    assert world.told.read_bytes["golden.npz"] == sizes(bundles[2])["golden.npz"]


def test_a_variant_that_is_too_large_for_its_class_is_refused_before_it_is_fetched(
    world: World, agent: Agent, tmp_path: Path
) -> None:
    world.told.release(4, made(tmp_path / "large", 4, size_mb=0.0005), floor=1)
    world.told.point(1, 4)
    state = world.live(agent)
    assert (number(state), [one.number for one in state.bad]) == (1, [4])
    assert "has room for 0.0005 MB" in state.bad[0].why
    assert not world.told.read_bytes


def test_a_bundle_whose_graph_is_not_what_it_says_is_bad_though_every_digest_is_right(
    world: World, agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from slipway.serving.bundle import writing

    with monkeypatch.context() as patch:
        patch.setattr(writing, "check", lambda *_: None)
        bad = made(tmp_path / "bad", 5, graphs={"model.fp32.onnx": small_onnx.classifier(5, 8).SerializeToString()})
    world.told.release(5, bad, floor=1)
    world.told.point(1, 5)
    state = world.live(agent)
    assert (number(state), [(one.number, one.phase) for one in state.bad]) == (1, [(5, Phase.VERIFY)])


def test_the_bandwidth_is_kept_to_by_waiting(world: World) -> None:
    world.meter = NetworkMeter(world.clock, world.disk, bytes_per_second=1000)
    agent = world.boot()
    begun = world.clock.monotonic()
    while agent.state.phase is not Phase.VERIFY:
        agent.step()
    taken = world.clock.monotonic() - begun
    total = sum(world.told.read_bytes.values())
    assert total / 1000 - 1.1 <= taken <= total / 1000


def test_a_file_over_a_slow_line_is_fetched_in_slices_between_which_the_channel_is_heard(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    world.meter = NetworkMeter(world.clock, RealDisk(world.folder), bytes_per_second=20)
    agent = world.boot()
    agent.ask()
    while agent.state.phase is not Phase.VERIFY:
        begun = world.clock.monotonic()
        agent.step()
        assert world.clock.monotonic() - begun < SLICE + 256 / 20 + 1
    size = sizes(bundles[2])
    assert world.told.read_bytes == {name: size[name] for name in ("golden.npz", "model.fp32.onnx")}
    world.told.point(1)
    assert number(world.poll(agent)) == 1


def steps_to_verify(agent: Agent, most: int = 20) -> int:
    """How many steps it takes until all is there."""
    for count in range(most):
        if agent.state.phase is Phase.VERIFY:
            return count
        agent.step()
    raise AssertionError(f"no end after {most} steps")


def test_a_slow_line_from_a_server_without_ranges_brings_each_file_with_one_more_try(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    """A slice of the file is thrown away at most once, so whatever the line is like there is an end."""
    world.told.ranges, world.told.clock, world.told.seconds_a_byte = False, world.clock, 0.1
    assert steps_to_verify(agent) < 12
    size = sizes(bundles[2])
    for name in ("golden.npz", "model.fp32.onnx"):
        assert size[name] < world.told.read_bytes[name] <= size[name] + 2 * 256, "two pieces make a slice"


def test_a_slice_begins_with_the_first_byte_that_is_wanted(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    """On a line with ranges that is so slow that a piece takes longer than a slice."""
    world.told.clock, world.told.seconds_a_byte = world.clock, SLICE / 200
    assert steps_to_verify(agent) < 20
    size = sizes(bundles[2])
    assert world.told.read_bytes == {name: size[name] for name in ("golden.npz", "model.fp32.onnx")}


def test_a_request_to_stop_is_heard_while_bytes_come_that_are_here_already(world: World, agent: Agent) -> None:
    world.told.ranges, world.told.clock, world.told.seconds_a_byte = False, world.clock, 0.05
    while not world.told.read_bytes:
        agent.step()
    came = sum(world.told.read_bytes.values())
    world.clock.stopping = True
    agent.run()
    assert sum(world.told.read_bytes.values()) == came + 256


@pytest.mark.parametrize("arrives", [True, False])
def test_what_comes_again_is_counted_and_begun_only_where_the_day_s_budget_holds_it(
    world: World, agent: Agent, bundles: dict[int, Bundle], *, arrives: bool
) -> None:
    budget = max(sizes(bundles[2])[name] for name in ("golden.npz", "model.fp32.onnx")) - (0 if arrives else 300)
    world.told.ranges, came = False, 0
    for _ in range(7):
        before = sum(world.told.read_bytes.values())
        world.meter = NetworkMeter(world.clock, RealDisk(world.folder), bytes_per_day=budget)
        agent = world.boot()
        rest = agent.run()
        came = sum(world.told.read_bytes.values()) - before
        assert came <= budget + 256
        assert world.meter.left() == max(0, budget - came)
        if rest.seconds is None or agent.state.phase is not Phase.FETCH:
            break
        world.clock.advance(rest.seconds)
    assert (agent.state.phase is not Phase.FETCH) == arrives
    if not arrives:
        assert "from its first byte only" in why(agent.state)
        assert came == 256, "a piece, which shows how the server is"


def test_the_day_s_budget_outlives_starts_and_is_renewed_at_midnight(world: World) -> None:
    for day in range(1, 9):
        world.meter = NetworkMeter(world.clock, RealDisk(world.folder), bytes_per_day=600)
        agent = world.boot()
        rest = agent.run()
        again = world.boot()
        assert again.run().seconds == pytest.approx(rest.seconds, abs=1)
        if agent.state.phase is not Phase.FETCH:
            break
        assert "day's budget of bytes is spent" in why(agent.state)
        assert sum(world.told.read_bytes.values()) <= day * 856
        assert rest.seconds is not None
        world.clock.advance(rest.seconds)
    assert world.clock.now().day > 2
    assert number(world.live(world.boot())) == 1


def test_what_was_spent_is_read_again_and_nonsense_counts_for_nothing(world: World) -> None:
    for text in (b"[]", b"{", b'{"day": 3}', b'{"day": "2026-03-01", "bytes": "many"}', b"[" * 5000):
        world.disk.replace("spent.json", text)
        assert NetworkMeter(world.clock, world.disk, bytes_per_day=10).left() == 10
    world.disk.replace("spent.json", b'{"day": "2026-03-01", "bytes": 7}')
    assert NetworkMeter(world.clock, world.disk, bytes_per_day=10).left() == 3
    world.clock.advance(86_400)
    assert NetworkMeter(world.clock, world.disk, bytes_per_day=10).left() == 10


def test_a_release_comes_back_after_others_took_its_place(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    for release, bundle in bundles.items():
        world.told.release(release, bundle)
    assert number(world.live(agent)) == 2
    for base, wanted in ((3, 3), (1, 1)):
        world.told.point(base)
        agent.ask()
        assert number(world.live(agent)) == wanted
