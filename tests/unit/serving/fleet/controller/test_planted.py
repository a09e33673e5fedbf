"""Releases with planted effects: bad ones never get beyond their first wave, fine ones are never stopped.

`make test` takes a few of each; `make soak` takes five hundred of each, and prints what came of them.
"""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

import planted
from planted import BEGAN, EFFECTS, PLAN, WAVE, between, drawn, fine, slower, tally
from slipway.serving.fleet.controller.comparing import compared
from slipway.serving.fleet.controller.evidence import Evidence, Rows, Shadowed
from slipway.serving.fleet.controller.judgement import Finding, What
from slipway.serving.fleet.controller.judging import judge
from slipway.serving.release.plan import Plan, PlannedWave, Sample

FEW, MANY, MOST = 15, 500, 1


@pytest.mark.parametrize("name", EFFECTS)
def test_a_few_rollouts_end_as_they_should(name: str) -> None:
    ends, _ = tally(name, range(1000, 1000 + FEW))
    assert ends == {"advance" if name == "fine" else "undo": FEW}


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", EFFECTS)
def test_hundreds_of_rollouts_end_as_they_should(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    ends, ended = tally(name, range(MANY))
    wrong = MANY - ends["advance"] if name == "fine" else ends["advance"]
    low, high = between(wrong, MANY)
    exposure = np.array([one.exposure_hours for one in ended])
    share = np.array([one.judgement.numbers.running / planted.DEVICES for one in ended])
    with capsys.disabled():
        print(  # noqa: T201 - it is asked for
            f"\n{name}: {dict(ends)} of {MANY}; {'false alarms' if name == 'fine' else 'misses'} {wrong} "
            f"(95 %: {low:.2%} to {high:.2%}); device hours with it at the end: median {np.median(exposure):,.0f}, "
            f"most {exposure.max():,.0f}; devices with it at most {share.max():.1%}; "
            f"hours to the judgement: median {np.median([one.hours for one in ended]):.0f}"
        )
    assert wrong <= MOST
    assert share.max() <= WAVE.share / 100


def test_how_surely_nothing_is_found_is_told_with_numbers() -> None:
    found = {(one.measure, one.slice): one for one in compared(drawn(3, fine, hours=24), PLAN.limits)}
    everything = found["errors", ""]
    assert everything.finding is Finding.CLEAR
    assert everything.low < everything.estimate < everything.high < everything.limit
    assert {"class orin-nano", "night", "day", "site harbour"} <= {where for _, where in found}


def test_five_per_cent_are_measured_as_five_per_cent() -> None:
    found = [compared(drawn(seed, slower, hours=24), PLAN.limits) for seed in range(5)]
    estimates = [one.estimate for each in found for one in each if (one.measure, one.slice) == ("duration", "")]
    assert np.mean(estimates) == pytest.approx(0.05, abs=0.005)


def test_devices_that_are_slow_anyway_are_no_harm() -> None:
    """The wave happens to have the slow ones: each is compared with itself."""
    evidence = drawn(4, fine, hours=24)
    members = np.array([one.in_wave for one in evidence.devices])
    rows = evidence.rows
    duration = rows.duration + np.where(members[rows.device], 0.4, 0.0)
    found = compared(replace(evidence, rows=replace(rows, duration=duration)), PLAN.limits)
    assert next(one for one in found if one.measure == "duration").finding is Finding.CLEAR


def test_an_hour_that_is_bad_for_everybody_is_no_harm() -> None:
    evidence = drawn(5, fine, hours=24)
    rows = evidence.rows
    bad = rows.slot % 24 == 3
    failed = np.where(bad & rows.after, rows.decisions * 0.2, rows.failed)
    found = compared(replace(evidence, rows=replace(rows, failed=failed)), PLAN.limits)
    assert next(one for one in found if one.measure == "errors").estimate < 0.002


def test_one_broken_device_stops_nothing_by_itself() -> None:
    evidence = drawn(6, fine, hours=24)
    rows = evidence.rows
    broken = next(at for at, one in enumerate(evidence.devices) if one.in_wave)
    failed = np.where((rows.device == broken) & rows.treated, rows.decisions * 0.5, rows.failed)
    broken_evidence = replace(evidence, rows=replace(rows, failed=failed))
    assert judge(PLAN, WAVE, broken_evidence, BEGAN + timedelta(hours=24)).what is not What.UNDO


def test_a_small_class_that_goes_back_is_seen_among_many_that_do_not() -> None:
    evidence = drawn(8, fine, hours=24)
    members = [at for at, one in enumerate(evidence.devices) if one.in_wave]
    for back, expected in ((4, What.UNDO), (3, What.HOLD), (1, What.ADVANCE), (0, What.ADVANCE)):
        rare = {at: place < back for place, at in enumerate(members[:4])}
        devices = [
            replace(one, device_class="rare", reverted=rare[at]) if at in rare else one
            for at, one in enumerate(evidence.devices)
        ]
        found = judge(PLAN, WAVE, replace(evidence, devices=devices), BEGAN + timedelta(hours=24))
        assert found.what is expected
        reverts = {one.slice: one.finding for one in found.numbers.compared if one.measure == "reverts"}
        assert reverts[""] is not Finding.HARM
        assert (reverts["class rare"] is Finding.HARM) == (expected is What.UNDO)


def few(devices: int) -> Evidence:
    """Two days of so many devices with the release, and of nobody else."""
    known = drawn(1, fine, hours=48)
    mine = known.rows.after & (known.rows.device < devices)
    rows = Rows(**{name: column[mine] for name, column in vars(known.rows).items()})
    members = [replace(one, in_wave=True) for one in known.devices[:devices]]
    return replace(known, devices=members, rows=replace(rows, treated=rows.after))


@pytest.mark.parametrize(("differs", "ends"), [(0, What.ADVANCE), (4_000, What.HOLD)])
@pytest.mark.parametrize("devices", [1, 2])
def test_a_shadow_on_one_or_two_devices_is_not_passed_over(devices: int, differs: int, ends: What) -> None:
    known, wave = few(devices), PlannedWave(name="shadow", kind="shadow", cohort="pilot")
    shadow = {"": Shadowed(4_000 - differs, differs), "dark": Shadowed(0, 3)}
    known = replace(known, devices=[replace(one, shadow=shadow) for one in known.devices], shadow=True)
    found = judge(Plan(waves=(wave, *PLAN.waves[1:])), wave, known, BEGAN + timedelta(days=2))
    assert found.what is ends, found.why


def test_what_has_nothing_to_be_compared_with_is_named() -> None:
    wave = WAVE.model_copy(update={"sample": Sample()})
    found = judge(PLAN, wave, few(2), BEGAN + timedelta(days=2))
    assert found.what is What.ADVANCE
    assert "with nothing to be compared with: errors, duration" in found.why


def test_nothing_known_is_nothing_judged() -> None:
    none = np.zeros(0)
    rows = Rows(*(none.astype(kind) for kind in (int, int, bool, bool, bool, *[float] * 5)))
    found = judge(PLAN, WAVE, Evidence([], rows, BEGAN), BEGAN + timedelta(hours=1))
    assert (found.what, found.numbers.compared) == (What.HOLD, ())
    late = judge(PLAN, WAVE, Evidence([], rows, BEGAN), BEGAN + timedelta(days=4))
    assert late.what is What.PAUSE
