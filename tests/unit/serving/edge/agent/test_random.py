"""Everything that may happen to a device, in any order: what answers is whole and proven, and in the end all heal.

The engines of the world hold at each activation that the bundle in the slot is whole and has proven itself here.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from agent_world.cutting import Cut, CuttingDisk, Full, PowerCut, Unsynced
from agent_world.world import Plan, World
from slipway.serving.bundle.folder import Bundle
from slipway.serving.channel.pointer import Wave
from slipway.serving.edge.agent.effects import Request
from slipway.serving.edge.agent.ports import Proof
from slipway.serving.edge.agent.state import Phase, State
from slipway.serving.runtime.errors import ModelUnfit

EVENTS = 60
PLANS: tuple[Callable[[], Plan], ...] = (
    Plan,
    lambda: Plan(unfit=True),
    lambda: Plan(proof=Proof(("The golden answer is another one.",), "cpu")),
    lambda: Plan(proof=Proof((), "cpu", p95_ms=50)),
    lambda: Plan(errors=0.3),
    lambda: Plan(divergence=0.8),
    lambda: Plan(per_second=0.0),
    lambda: Plan(fails_to_activate=ModelUnfit("It does not load.")),
    lambda: Plan(fails_to_activate=MemoryError()),
)
POINTS: tuple[tuple[int, int | None], ...] = ((1, None), (1, 2), (2, None), (2, 3), (3, None))


class Life:
    """One device, and chance."""

    def __init__(self, world: World, bundles: dict[int, Bundle], seed: int) -> None:
        self.world, self.bundles, self.chance = world, bundles, random.Random(seed)
        self.opens = 0.0
        world.may_swap = lambda _: max(0.0, self.opens - world.clock.passed)
        self.agent = world.boot()
        self.floor = self.requests = 0

    def event(self) -> None:
        """Something happens, then the device works for some time, and may be cut off."""
        happens = self.chance.choice(
            (self.point, self.plan, self.network, self.time, self.ask, self.damage, self.restart, self.window)
        )
        happens()
        seconds = self.chance.choice((0.0, 40.0, 90.0, 4000.0))
        try:
            if self.chance.random() < 0.6:
                self.agent.ask()
            self.hold(self.world.live(self.agent, seconds))
        except PowerCut:
            self.restart()

    def point(self) -> None:
        base, target = self.chance.choice(POINTS)
        told, now, chance = self.world.told, self.world.clock.now(), self.chance
        parts: dict[str, object] = {"paused": chance.random() < 0.1}
        if target is not None and chance.random() < 0.5:
            parts["wave"] = Wave(kind="shadow", frames=chance.choice((0.1, 1.0)), share=chance.choice((0, 100, 100)))
        if chance.random() < 0.1:
            parts["frozen_until"] = now + timedelta(seconds=chance.choice((3000, 90_000)))
        if chance.random() < 0.2:
            until = now + timedelta(seconds=chance.choice((3000, 90_000)))
            parts["pins"] = [told.pin(chance.choice((1, 2, 3)), until, device=self.world.device.id)]
        told.point(base, target, **parts)

    def window(self) -> None:
        """Models may be exchanged at once, later, or not for now."""
        wait = self.chance.choice((0.0, 0.0, 3000.0, 1e6))
        self.opens = self.world.clock.passed + wait

    def plan(self) -> None:
        number = self.chance.choice((1, 2, 3))
        self.world.memory.plans[self.bundles[number].digest] = self.chance.choice(PLANS)()

    def network(self) -> None:
        told = self.world.told
        told.offline = self.chance.random() < 0.4
        told.breaks_after = self.chance.choice((None, None, 1, 300, 2000))
        told.spoils = {"golden.npz"} if self.chance.random() < 0.2 else set()
        if self.chance.random() < 0.5:
            told.signed_at = max(told.signed_at, self.world.clock.now())

    def time(self) -> None:
        self.world.clock.advance(self.chance.choice((60.0, 4000.0, 86_400.0, 5 * 86_400.0)))

    def ask(self) -> None:
        self.requests += 1
        what = self.chance.choice(("revert", "again"))
        self.agent.request(Request(str(self.requests), what, "chance", "ada"))  # type: ignore[arg-type]

    def damage(self) -> None:
        """The disk loses bits of a slot, which is seen at the next start."""
        files = sorted((self.world.folder / "models/small-bays").glob("[ab]/*"))
        if files and self.chance.random() < 0.3:
            path = self.chance.choice(files)
            path.write_bytes(path.read_bytes()[:-3])
            self.restart()

    def restart(self) -> None:
        """A new process, on a disk that may be cut off or full."""
        if self.chance.random() < 0.5:
            with suppress(PowerCut):
                self.agent.close()
        kind = self.chance.random()
        cut = Cut(self.chance.randrange(40), self.chance.randrange(2), self.chance.choice(list(Unsynced)))
        full = Full(self.chance.randrange(40), self.chance.choice((1, 3, 30)))
        disk = CuttingDisk(self.world.folder, cut if kind < 0.4 else None, full=full if 0.4 < kind < 0.6 else None)
        begins = self.world.reboot if self.world.disk.dead else self.world.boot
        self.agent = begins(disk)

    def hold(self, state: State) -> None:
        """What must be true whenever the agent rests."""
        assert state.floor >= self.floor
        self.floor = state.floor
        if state.active is not None:
            assert state.active.proven
            assert state.active.release.bundle in self.world.memory.proven
        if self.agent.running is not None and self.world.engines.active is not None:
            assert self.world.engines.active[0].digest in self.world.memory.proven
        if self.world.engines.beside is not None:
            assert (state.phase, state.shadow) == (Phase.SHADOW, self.world.engines.beside[0])
            assert state.seen is not None
            assert state.seen.pointer.wave.kind == "shadow"
        slots = [one.slot for one in (state.active, state.before, state.coming) if one is not None]
        assert len(slots) == len(set(slots))

    def heal(self) -> None:
        """All that was wrong ends, and the newest release is for everybody."""
        told = self.world.told
        told.offline, told.breaks_after, told.spoils = False, None, set()
        self.opens = 0.0
        told.signed_at = max(told.signed_at, self.world.clock.now())
        told.point(3)
        self.world.memory.plans.clear()
        self.agent = self.world.boot()
        self.agent.request(Request("healed", "again", "all is well", "ada"))


def test_whatever_happens_what_answers_is_proven_and_in_the_end_the_device_is_where_all_are(
    world: World, bundles: dict[int, Bundle], seed: int
) -> None:
    life = Life(world, bundles, seed)
    for _ in range(EVENTS):
        life.event()
    life.heal()
    state = world.poll(life.agent)
    life.hold(state)
    assert state.active is not None
    assert (state.active.release.number, state.coming) == (3, None)
    assert life.agent.running == state.active


def test_a_life_is_the_same_each_time(bundles: dict[int, Bundle], tmp_path: Path, seed: int) -> None:
    """So a failing seed can be looked at."""
    ends = []
    for turn in ("life-a", "life-b"):
        world = World(tmp_path / turn / "device")
        for number, bundle in bundles.items():
            world.told.release(number, bundle, floor=number - 1)
        world.told.point(1)
        life = Life(world, bundles, seed)
        for _ in range(EVENTS // 3):
            life.event()
        ends.append((life.agent.state.model_dump_json().replace(turn, ""), world.memory.answered))
        world.disk.done()
    assert ends[0] == ends[1]
