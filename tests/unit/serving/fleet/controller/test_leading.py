"""Rollouts are led by their plans: on, to a pause, or back, and never against what a person decided."""

import json
from datetime import timedelta

import pytest

from planted.leading import Leading, plan
from slipway.platform.ledger.entry import Action
from slipway.serving.fleet.controller.judgement import Judgement, What
from slipway.serving.fleet.controller.leading import Led
from slipway.serving.release.moving import pausing, resuming
from slipway.serving.release.plan import PlannedWave, Sample


def what(led: Led) -> What:
    assert led.judgement
    return led.judgement.what


def why(led: Led) -> str:
    assert led.judgement
    return led.judgement.why


def test_a_fine_release_goes_from_the_first_wave_to_everybody(leading: Leading) -> None:
    leading.start(plan())
    first = leading.after(hours=1)
    assert (what(first), first.done) == (What.HOLD, "")
    assert "0 of 15 devices have run it for 6h" in why(first)
    second = leading.after(hours=6)
    assert (what(second), second.done) == (What.ADVANCE, "to all devices")
    assert leading.site.look().pointer.wave.share == 100
    assert what(leading.after(hours=1)) is What.HOLD
    last = leading.after(hours=6)
    assert last.done == "finished: it is everybody's"
    assert leading.site.told() == (2, None)
    assert [one.signer for one in leading.site.entries(Action.ADVANCE)][-2:] == ["rollouts", "rollouts"]
    assert "harm beyond the limits is excluded" in leading.site.entries(Action.ADVANCE)[-1].entry.decision.reason


@pytest.mark.parametrize(("harm", "told"), [({"slower": 0.08}, "duration"), ({"failing": 0.05}, "errors")])
def test_a_bad_release_is_undone_in_its_first_wave(leading: Leading, harm: dict[str, float], told: str) -> None:
    vars(leading.fleet).update(harm)
    leading.start(plan())
    found = leading.after(hours=5)
    assert (what(found), found.done) == (What.UNDO, "release 2 is undone")
    assert why(found).startswith(f"harm beyond the limit is shown: {told}")
    assert leading.site.told() == (1, None)
    assert leading.site.champion == "a"


def test_a_limit_that_the_plan_leaves_out_is_not_judged(leading: Leading) -> None:
    leading.fleet.slower = 0.08
    leading.start(plan(latency=None))
    assert what(leading.after(hours=7)) is What.ADVANCE


def test_what_a_person_paused_stays_paused(leading: Leading) -> None:
    leading.start(plan())
    leading.site.move(pausing(), reason="visitors")
    found = leading.after(hours=7)
    assert (what(found), found.done) == (What.HOLD, "")
    assert "release 2 was paused" in why(found)
    assert leading.site.rollout.paused
    leading.site.move(resuming())
    assert leading.look().done == "to all devices"


def test_a_paused_release_that_does_harm_is_undone_all_the_same(leading: Leading) -> None:
    leading.fleet.failing = 0.05
    leading.start(plan())
    leading.site.move(pausing(), reason="visitors")
    assert leading.after(hours=5).done == "release 2 is undone"


def test_silent_devices_count_after_the_deadline_alone(leading: Leading) -> None:
    leading.fleet.silent = 6
    leading.start(plan(reverts=None))
    assert what(leading.after(hours=5)) is What.HOLD
    leading.site.move(pausing())
    leading.after(days=2)
    leading.site.move(resuming())
    found = leading.look()
    assert (what(found), found.done) == (What.PAUSE, "paused")
    assert "devices of the wave are silent, at most 10.0% may be" in why(found)


def test_a_wave_that_a_person_lets_go_on_is_not_paused_a_second_time(leading: Leading) -> None:
    leading.fleet.silent = 6
    leading.start(plan(reverts=None))
    leading.site.time.forward(days=2)
    first = leading.look()
    assert first.done == "paused", first.line
    leading.site.move(resuming())
    again = leading.after(hours=1)
    assert (what(again), again.done) == (What.PAUSE, "")
    assert leading.site.rollout.paused is None


def test_a_sample_that_does_not_come_together_pauses_at_the_deadline(leading: Leading) -> None:
    wave = PlannedWave(
        name="few", share=2, soak=timedelta(hours=1), sample=Sample(devices=60), deadline=timedelta(hours=9)
    )
    leading.start(plan(wave, PlannedWave(name="all")))
    assert what(leading.after(hours=8)) is What.HOLD
    found = leading.after(hours=2)
    assert found.done == "paused"
    assert "the deadline (9h) is over" in why(found)


def test_devices_that_went_back_by_themselves_undo_it(leading: Leading) -> None:
    leading.fleet.bad = 10
    leading.start(plan())
    found = leading.after(hours=1)
    assert what(found) is What.UNDO
    assert why(found).startswith("harm beyond the limit is shown: reverts")


def test_a_class_that_does_not_come_to_run_it_is_not_passed_over(leading: Leading) -> None:
    leading.fleet.refusing = "x86"
    few = Sample(decisions=1_000, devices=5)
    wave = PlannedWave(name="canary", share=30, soak=timedelta(hours=6), sample=few, deadline=timedelta(days=2))
    leading.start(plan(wave, PlannedWave(name="all")))
    found = leading.after(hours=7)
    assert (what(found), found.done) == (What.HOLD, "")
    members = [one for one in leading.fleet.devices() if leading.site.rollout.wave.includes(one.id, one.cohorts)]
    told = f"0 of {sum(one.device_class == 'x86' for one in members)} devices of the class x86 run it"
    assert why(found) == told
    late = leading.after(days=2)
    assert (late.done, why(late)) == ("paused", f"the deadline (2d) is over, and {told}")
    assert found.judgement
    assert Judgement.of_data(json.loads(json.dumps(found.judgement.as_data()))).as_data() == found.judgement.as_data()


def test_a_shadow_that_differs_is_undone_and_one_that_agrees_begins_to_answer(leading: Leading) -> None:
    shadow = PlannedWave(
        name="shadow", kind="shadow", share=50, soak=timedelta(hours=6), sample=Sample(decisions=1000, devices=10),
        deadline=timedelta(days=1),
    )  # fmt: skip
    leading.fleet.differing = 0.01
    leading.start(plan(shadow, PlannedWave(name="all")))
    assert leading.after(hours=7).done == "to all devices"
    assert leading.site.look().pointer.wave.kind == "serve"


def test_a_shadow_that_differs_too_often_is_undone(leading: Leading) -> None:
    shadow = PlannedWave(name="shadow", kind="shadow", share=50)
    leading.fleet.differing = 0.2
    leading.start(plan(shadow, PlannedWave(name="all")))
    assert leading.after(hours=7).done == "release 2 is undone"


def test_the_last_step_waits_for_its_approvals(leading: Leading) -> None:
    leading.start(plan(approvals=1))
    found = leading.after(hours=7)
    assert (what(found), found.done) == (What.HOLD, "")
    assert "approv" in why(found)
    assert not leading.site.entries(Action.REFUSE)


def test_what_has_no_plan_is_led_by_people(leading: Leading) -> None:
    leading.site.start()
    assert leading.look().waits == "release 2 has no plan: a person leads it"
