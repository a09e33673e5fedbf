"""Why a device runs what it runs: the sentence for each reason that there is."""

from datetime import timedelta

import pytest

from agent_world.world import MODEL, NOW
from slipway.serving.channel.pointer import Named, Pointer, Wave
from slipway.serving.channel.release import Release
from slipway.serving.edge.agent.effects import Device
from slipway.serving.edge.agent.state import Bad, Installed, Phase, Seen, State
from slipway.serving.edge.reporting import behind
from slipway.serving.edge.standing import standing

OUTSIDE = Device("gate-7", "edge-cpu", NOW, "1.0.0")
FIRST = Device("gate-7", "edge-cpu", NOW, "1.0.0", frozenset({"first"}))


def release(number: int) -> Release:
    return Release(model=MODEL, number=number, bundle=f"{number:064x}", floor=0, signed_at=NOW)


def state(*, base: int | None = 1, target: int | None = 2, active: int | None = 1, **parts: object) -> State:
    """A device that has seen a pointer."""
    named = {n: Named(number=n, bundle=release(n).bundle) for n in (base, target) if n is not None}
    pointer = Pointer.model_validate(
        {
            "model": MODEL,
            "sequence": 5,
            "signed_at": NOW,
            "base": named.get(base or 0),
            "target": named.get(target or 0),
            **{name: parts.pop(name) for name in ("wave", "paused", "frozen_until", "pins") if name in parts},
        }
    )
    seen = Seen(
        pointer=pointer,
        base=release(base) if base else None,
        target=release(target) if target else None,
        signed_at=NOW,
        good_until=NOW + timedelta(days=1),
    )
    runs = Installed(slot="a", release=release(active), variant="fp32", provider="cpu") if active else None
    return State.model_validate({"model": MODEL, "seen": seen, "active": runs, "phase": Phase.SETTLED, **parts})


LEFT = Bad(number=2, bundle=release(2).bundle, phase=Phase.SETTLED, why="ben asked: ghosts", at=NOW, asked=True)
PIN = {"device": "gate-7", "release": Named(number=1, bundle=release(1).bundle), "until": NOW + timedelta(days=1)}
SHADOW = Wave(kind="shadow")
COHORT, NONE = Wave(cohort="first"), Wave(share=0)


@pytest.mark.parametrize(
    ("found", "device", "said"),
    [
        (State(model=MODEL), OUTSIDE, "never seen"),
        (state(base=None, target=None, active=None), OUTSIDE, "no release for this device yet"),
        (
            state(wave=COHORT),
            OUTSIDE,
            "Release 2 goes to the cohort first by now, and this device is of none; the base",
        ),
        (state(wave=COHORT, base=None, active=None), OUTSIDE, "of none; there is no other release yet"),
        (state(wave=Wave(cohort="second")), FIRST, "cohort second by now, and this device is of first"),
        (state(wave=NONE), OUTSIDE, "goes to 0 % of all devices by now, and this device is not among them"),
        (state(wave=Wave(cohort="first", share=0)), FIRST, "goes to 0 % of the cohort first by now"),
        (state(paused=True), OUTSIDE, "The rollout of release 2 is paused: no further device begins with it"),
        (state(base=2, target=3, active=2, phase=Phase.PROBATION), OUTSIDE, "2 is on probation, and release 3 waits"),
        (state(base=1, target=None, active=2, phase=Phase.PROBATION), OUTSIDE, "it is gone back to"),
        (
            state(bad=(LEFT,)),
            OUTSIDE,
            "Release 2 is wanted. It was left here on 2026-03-01 12:00 UTC: ben asked: ghosts",
        ),
        (state(active=2), OUTSIDE, "Release 2 is what the channel wants here."),
        (state(target=None), OUTSIDE, "Release 1 is what the channel wants here."),
        (state(), OUTSIDE, "Release 2 is wanted, and was not begun with yet."),
        (
            state(phase=Phase.FETCH, coming=Installed(slot="b", release=release(2))),
            OUTSIDE,
            "Release 2 is on its way: fetch.",
        ),
        (state(frozen_until=NOW + timedelta(days=1)), OUTSIDE, "Rollouts are frozen until 2026-03-02 12:00 UTC"),
        (
            state(pins=[PIN]),
            OUTSIDE,
            "This device is pinned to release 1 until 2026-03-02 12:00 UTC. Release 1 is what",
        ),
        (state(wave=SHADOW), OUTSIDE, "Release 2 is tried in the shadow of what answers, and the base, release 1,"),
        (
            state(wave=SHADOW, phase=Phase.PROVE, coming=Installed(slot="b", release=release(2))),
            OUTSIDE,
            "in the shadow of what answers, and is on its way there: prove, and the base",
        ),
        (
            state(phase=Phase.READY, coming=Installed(slot="b", release=release(2))),
            OUTSIDE,
            "Release 2 is proven here and waits for a window",
        ),
    ],
)
def test_each_reason_is_said(found: State, device: Device, said: str) -> None:
    assert said in standing(found, device, NOW)


def test_who_follows_an_operators_word_is_not_behind_but_who_answers_nothing_is() -> None:
    assert behind(state(bad=(LEFT,)), OUTSIDE, NOW) is None
    assert "It was left here" in str(behind(state(bad=(LEFT,), active=None), OUTSIDE, NOW))
    failed = LEFT.model_copy(update={"asked": False})
    assert "It failed here" in str(behind(state(bad=(failed,)), OUTSIDE, NOW))
