"""The power is cut at every moment of an upgrade, and the device ends with a model that proved itself.

Each case is one cut: after so much of one system call, with what was not synced kept or lost. Then the device starts
again without a network, what answered before answers again, and with the network the device ends as without the cut.
`make test` takes a part of the cases, which covers each system call, and of an upgrade each count of what it writes;
the journal's own tests cut it at every byte. `make soak` takes all of them.
"""

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agent_world.cutting import Cut, CuttingDisk, Moment, PowerCut, Unsynced
from agent_world.world import Plan, World
from slipway.serving.bundle.folder import Bundle
from slipway.serving.edge.agent.effects import Rest
from slipway.serving.edge.agent.ports import Proof
from slipway.serving.edge.agent.state import Phase, State

Ending = tuple[object, ...]
SLICES = 8
"""Of all the cuts of a scenario, so that each takes a fraction of the time that a test may take."""


def upgrade(world: World, _: Bundle) -> None:
    """All goes well."""
    world.told.point(1, 2)


def unproven(world: World, second: Bundle) -> None:
    """Another answer than the golden one."""
    world.memory.plans[second.digest] = Plan(proof=Proof(problems=("fp32: `logits` is far off.",), provider="cpu"))
    world.told.point(1, 2)


def failing(world: World, second: Bundle) -> None:
    """Proven, and bad in the field."""
    world.memory.plans[second.digest] = Plan(errors=0.5)
    world.told.point(1, 2)


def full_journal(world: World, _: Bundle) -> None:
    """The journal is replaced by its newest line all the time."""
    world.journal_bytes = 4000
    world.told.point(1, 2)


def undo(world: World, _: Bundle) -> None:
    """The release that was just installed is taken back."""
    world.told.point(1, 2)
    agent = world.boot()
    world.live(agent)
    agent.close()
    world.told.point(1)


def first(world: World, _: Bundle) -> None:
    """Nothing is installed yet."""
    shutil.rmtree(world.folder)
    world.folder.mkdir(0o700)
    world.memory.proven.clear()


SCENARIOS = {
    "upgrade": (upgrade, (Phase.SETTLED, 2, ())),
    "unproven": (unproven, (Phase.SETTLED, 1, (2,))),
    "failing": (failing, (Phase.REVERTED, 1, (2,))),
    "full journal": (full_journal, (Phase.SETTLED, 2, ())),
    "undo": (undo, (Phase.SETTLED, 1, ())),
    "first": (first, (Phase.SETTLED, 1, ())),
}


def ending(state: State) -> Ending:
    """What counts of a state, when nothing is left to do."""
    assert state.active is not None
    assert state.coming is None
    return (state.phase, state.active.release.number, tuple(one.number for one in state.bad))


@pytest.fixture(scope="module")
def devices(tmp_path_factory: pytest.TempPathFactory, bundles: dict[int, Bundle]) -> dict[str, World]:
    """A device with the first release, in front of each scenario."""
    found = {}
    for name, (scenario, _) in SCENARIOS.items():
        world = World(tmp_path_factory.mktemp(name) / "device")
        for number, bundle in bundles.items():
            world.told.release(number, bundle, floor=number - 1)
        world.told.point(1)
        agent = world.boot()
        assert world.live(agent).phase is Phase.SETTLED
        agent.close()
        scenario(world, bundles[2])
        found[name] = world
    return found


def moments(world: World, folder: Path) -> list[Moment]:
    """The system calls of the whole scenario, without a cut."""
    whole = world.copy(folder)
    disk = CuttingDisk(whole.folder)
    whole.poll(whole.boot(disk))
    shutil.rmtree(folder)
    return disk.moments


def cuts(found: list[Moment]) -> Iterator[Cut]:
    """All of them."""
    for number, moment in enumerate(found):
        for count in moment.counts():
            for unsynced in Unsynced:
                yield Cut(number, count, unsynced)


def some(found: list[Moment], turn: int, known: list[Moment]) -> Iterator[Cut]:
    """One cut of each moment that is not one of the known beginning; which one, changes from moment to moment.

    With nothing known, each count of a write other than the journal's.
    """
    kinds = list(Unsynced)
    same = next((at for at, (one, other) in enumerate(zip(found, known, strict=False)) if one != other), 0)
    for number, moment in enumerate(found[same:], same):
        counts = moment.counts()
        if known or moment.call != "write" or moment.name.endswith("/journal"):
            counts = [counts[(number + turn) % len(counts)]]
        for at, count in enumerate(counts):
            yield Cut(number, count, kinds[(number // 2 + turn + at) % len(kinds)])


def survive(world: World, folder: Path, cut: Cut, name: str, *, then: Callable[[int], Cut | None]) -> None:
    """Cut once, and once more where `then` says so, and start again until it is done."""
    device = world.copy(folder)
    try:
        coming: list[Cut | None] = [cut]
        while (next_cut := coming[-1]) is not None:
            disk = CuttingDisk(device.folder, next_cut)
            with suppress(PowerCut):
                device.poll(device.reboot(disk))
            assert len(coming) > 1 or disk.dead
            coming.append(then(len(coming)))
            check_answers(device, new=name == "first")
        assert ending(device.poll(device.reboot())) == SCENARIOS[name][1]
    finally:
        shutil.rmtree(folder)
        shutil.rmtree(device.disk._shadow, ignore_errors=True)


def check_answers(device: World, *, new: bool) -> None:
    """After a start something answers at once and without a network; the engines hold that it was proven.

    On a new device the first release may be on its way; once it has answered that is not forgotten either.
    """
    device.told.offline = True
    agent = device.reboot()
    if new and agent.state.active is None:
        assert agent.state.coming is not None or not device.memory.answered
    else:
        assert agent.state.active is not None
        while agent.running is None:
            effect, _ = agent.step()
            assert not isinstance(effect, Rest)
        assert device.engines.active is not None
    agent.close()
    device.told.offline = False


def once(_: int) -> None:
    """No second cut."""


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_cut_of_each_call_leaves_a_proven_model_and_the_same_end(
    devices: dict[str, World], name: str, tmp_path: Path
) -> None:
    found = moments(devices[name], tmp_path / "whole")
    known = [] if name == "upgrade" else moments(devices["upgrade"], tmp_path / "upgrade")
    chosen = list(some(found, len(name), known))[:: 5 if name == "full journal" else 1]
    assert len(chosen) > 3
    for number, cut in enumerate(chosen):
        survive(devices[name], tmp_path / str(number), cut, name, then=once)


def test_cuts_at_random_one_after_another_change_nothing_of_it(
    devices: dict[str, World], seed: int, tmp_path: Path
) -> None:
    """Up to five, which is more than a process may crash."""
    chance = random.Random(seed)
    for number, name in enumerate([*SCENARIOS] * 2):
        found = moments(devices[name], tmp_path / "whole")

        def drawn(starts: int, found: list[Moment] = found) -> Cut | None:
            if starts >= 5:
                return None
            at = chance.randrange(len(found) // 3)  # later ones may not come, where the first cut left little to do
            return Cut(at, chance.choice(found[at].counts()), chance.choice(list(Unsynced)))

        begin = drawn(0)
        assert begin is not None
        survive(devices[name], tmp_path / str(number), begin, name, then=drawn)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(SLICES))
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_cut_leaves_a_proven_model_and_the_same_end(
    devices: dict[str, World], name: str, part: int, tmp_path: Path
) -> None:
    chosen = list(cuts(moments(devices[name], tmp_path / "whole")))[part::SLICES]
    for number, cut in enumerate(chosen):
        survive(devices[name], tmp_path / str(number), cut, name, then=once)
