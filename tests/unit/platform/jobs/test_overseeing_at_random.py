"""Overseers killed between any two effects, beside each other, over jobs that go wrong in every way.

Whatever happens: never two runners that work, one result, and an outcome that is said stays. And when everybody can be
reached again, there is an end, with nothing left running.
"""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from overseen.model import START, Clock, Killed, ModelLauncher, Runner, World
from slipway.platform.data.view import View
from slipway.platform.jobs.launchers.contract import LauncherUnreachable
from slipway.platform.jobs.overseeing.deciding import End, Seen, Step, Wait, decide, may_go_on
from slipway.platform.jobs.overseeing.overseer import Overseer
from slipway.platform.jobs.spec import JobSpec, Limits
from slipway.platform.runs.attempts import Claimant, assign
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import Cancellation, Cause, Outcome, Place, State
from slipway.platform.runs.standing import Here, numbers
from slipway.platform.runs.tracking.tracker import TrackingUnreachable
from slipway.platform.settings import load
from slipway.platform.store.directory import DirectoryStore

if TYPE_CHECKING:
    from slipway.platform.store import Store

LIMITS = Limits(silence_seconds=60, stall_seconds=300, grace_seconds=10, retries=2)
OVERSEERS = 2
RARELY = st.integers(0, 7).map(lambda number: number == 5)
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder in it has a name of its own
"""Where a thousand small stores cost no disk anything."""


def no_tracker() -> Any:
    raise TrackingUnreachable("There is no MLflow here.")


class Overseen(RuleBasedStateMachine):
    """One piece of work."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory(prefix="overseen-", dir=MEMORY if MEMORY.is_dir() else None)
        folder = Path(self.scratch.name)
        self.world = World(DirectoryStore(folder / "store"), Clock())
        wide: Any = self.world
        self.store: Store = wide
        self.launcher = ModelLauncher(self.world, folder / "locks")
        self.here = Here("overseer", "", folder / "alive")
        self.loaded = load(folder, {"HOME": str(folder)})
        self.parts = Parts(
            model="fake", snapshot="0" * 64, view=json.loads(View.of({}).key), code=(), config={}, lock=()
        )
        self.key = self.parts.key
        self.looked: list[tuple[Seen, Step] | None] = [None] * OVERSEERS
        self.outcomes: dict[str, bytes] = {}

    @initialize()
    def submit(self) -> None:
        job = JobSpec(
            key=self.key, model="fake", package="fake", config={}, snapshot="0" * 64, view={}, code="0" * 64,
            limits=LIMITS,
        )  # fmt: skip
        claimant = Claimant(submitted_by="ada", name="a-run", place=Place(), created=START, job=job.keep(self.store))
        assign(self.store, self.parts, claimant, self.here)
        self.oversee_well()
        self.places_are_free()

    def overseer(self) -> Overseer:
        return Overseer(self.loaded, self.store, self.here, lambda _: self.launcher, tracker=no_tracker)

    @rule(who=st.integers(0, OVERSEERS - 1))
    def look(self, who: int) -> None:
        try:
            seen = self.overseer().look(self.key)
        except LauncherUnreachable:
            return
        self.looked[who] = (seen, decide(seen))

    @rule(who=st.integers(0, OVERSEERS - 1), fuse=st.none() | st.integers(0, 6))
    def act(self, who: int, fuse: int | None) -> None:
        """On what was seen, perhaps long ago; perhaps killed on the way."""
        found = self.looked[who]
        if found is None:
            return
        self.world.fuse = fuse
        try:
            self.overseer().act(*found)
        except (Killed, LauncherUnreachable):
            pass
        finally:
            self.world.fuse = None

    @rule()
    def oversee_well(self) -> None:
        for who in range(OVERSEERS):
            self.look(who)
            self.act(who, None)

    @rule()
    def go_on(self) -> None:
        """Everybody does what they can at once."""
        self.oversee_well()
        self.oversee_well()
        self.places_are_free()

    @rule(seconds=st.sampled_from([1.0, 5.0, 20.0, 59.0, 70.0, 130.0]))
    def time_passes(self, seconds: float) -> None:
        self.launcher.pass_time(seconds)

    @rule()
    def places_are_free(self) -> None:
        self.launcher.start()

    def working(self) -> list[Runner]:
        return [one for one in self.launcher.runners if one.works]

    @precondition(lambda self: self.working())
    @rule(cause=st.sampled_from([None, Cause.OUT_OF_MEMORY, Cause.EVICTED]))
    def a_runner_dies(self, cause: Cause | None) -> None:
        self.launcher.die(self.working()[0], cause)

    @precondition(lambda self: self.working())
    @rule()
    def a_machine_is_lost(self) -> None:
        runner = self.working()[0]
        self.launcher.die(runner)
        for job in self.launcher.jobs.values():
            job.gone_unseen = job.gone_unseen or job.runner is runner

    @precondition(lambda self: self.working())
    @rule(cut=st.booleans())
    def a_network_is_cut(self, *, cut: bool) -> None:
        self.working()[0].cut_off = cut

    @precondition(lambda self: self.working())
    @rule()
    def a_runner_stands_still(self) -> None:
        self.working()[0].still += LIMITS.stall_seconds + 2 * LIMITS.grace_seconds
        self.launcher.pass_time(1.0)

    @precondition(lambda self: self.working())
    @rule(done=RARELY, failed=RARELY, told=st.booleans())
    def a_runner_ends(self, *, done: bool, failed: bool, told: bool) -> None:
        runner = self.working()[0]
        if not runner.cut_off and (done or failed):
            state, cause = (State.DONE, None) if done else (State.FAILED, Cause.EXIT_CODE)
            self.launcher.end(runner, state, cause, told=told or not done)

    @rule()
    def its_launcher_forgets_what_ended(self) -> None:
        for nonce, job in list(self.launcher.jobs.items()):
            if job.runner is not None and not job.runner.alive and not job.gone_unseen:
                del self.launcher.jobs[nonce]

    @rule(away=RARELY)
    def its_launcher_goes_or_comes(self, *, away: bool) -> None:
        self.launcher.away = away

    @rule(really=RARELY)
    def somebody_cancels(self, *, really: bool) -> None:
        if not really:
            return
        number = self.overseer().standing(self.key).number
        Cancellation(by="bob", asked=START).bind(self.store, WorkKeys(self.key).attempt(number).cancellation)

    @invariant()
    def never_two_at_work(self) -> None:
        assert len(self.working()) <= 1

    @invariant()
    def what_was_said_stays(self) -> None:
        for name in self.store.list(WorkKeys(self.key).folder):
            if name.endswith(("outcome.json", "result.json", "spec.json")):
                assert self.outcomes.setdefault(name, self.store.get(name)) == self.store.get(name)

    @invariant()
    def only_what_may_go_on_is_followed(self) -> None:
        for number in numbers(self.store, self.key)[:-1]:
            before = Outcome.load(self.store, WorkKeys(self.key).attempt(number).outcome)
            assert before is not None
            assert may_go_on(before)

    def teardown(self) -> None:
        try:
            self.come_to_rest()
        finally:
            self.scratch.cleanup()

    def come_to_rest(self) -> None:
        self.launcher.away = False
        for _ in range(60):
            seen = self.overseer().look(self.key)
            step = decide(seen)
            self.overseer().act(seen, step)
            self.never_two_at_work()
            if isinstance(step, End):
                break
            self.launcher.start()
            for runner in self.working():
                if not runner.cut_off and runner.asked_at is None and isinstance(step, Wait):
                    self.launcher.end(runner, State.DONE, None)
            self.launcher.pass_time(20.0)
        now = self.overseer().standing(self.key)
        assert not now.under_way, now.told()
        assert now.result is not None or now.outcome is not None
        for _ in range(10):
            self.launcher.pass_time(20.0)
        assert not self.working()
        self.wake_the_late()

    def wake_the_late(self) -> None:
        """Who looked long ago and acts only now starts nothing again."""
        for who in range(OVERSEERS):
            self.act(who, None)
        self.only_what_may_go_on_is_followed()
        self.what_was_said_stays()


Overseen.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestOverseen = Overseen.TestCase
