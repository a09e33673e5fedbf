"""Plans, pins and freezes as a person commands them, on a real channel."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from rolling_out import MODEL, Site
from slipway.platform.ledger.entry import EVERY_MODEL, Action
from slipway.platform.registry.desk import Refused
from slipway.serving.release.converging import converge
from slipway.serving.release.moving import agreeing, finishing, freezing, lifting, move, pausing, pinning, unpinning
from slipway.serving.release.opening import open_repository
from slipway.serving.release.plan import BadPlan, Plan

Run = Callable[..., tuple[int, str, str]]
PLAN = """\
waves:
  - {name: canary, share: 5, sample: {decisions: 200, devices: 2}}
  - {name: more, share: 25, soak: 2d}
  - {name: all}
limits: {errors: 0.02, latency: null}
approvals: 1
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    return path


def test_a_rollout_goes_by_its_plan_and_nobody_passes_its_last_step_alone(run: Run, led_site: Site, plan: Path) -> None:
    code, out, err = run("rollout", "start", MODEL, "--plan", str(plan))
    assert code == 0, err
    assert "release 2, to 5 % of all devices" in out
    assert "canary to 5 % of all devices, then more to 25 % of all devices, then all to all devices" in err
    target = led_site.rollout.target
    assert target is not None
    assert target.plan is not None
    assert (target.plan.waves[0].sample.decisions, target.plan.limits.latency, target.plan.approvals) == (200, None, 1)
    assert led_site.look().pointer.wave.share == 5
    assert run("rollout", "start", MODEL, "--plan", str(plan))[0] == 0
    plan.write_text(PLAN.replace("25", "30"))
    code, _, err = run("rollout", "start", MODEL, "--plan", str(plan))
    assert (code, "It goes by another plan" in err) == (1, True)
    assert run("rollout", "advance", MODEL, "--share", "25")[0] == 0
    code, _, err = run("rollout", "advance", MODEL, "--finish")
    assert (code, "0 of the 1 approvals" in err, "slipway rollout approve" in err) == (1, True, True)
    assert run("rollout", "approve", MODEL)[0] == 1  # dora is no approver
    assert "last step of the rollout" in run("rollout", "approve", MODEL, "--dry-run", by="ben")[2]
    assert run("rollout", "approve", MODEL, by="ben")[0] == 0
    assert ", already" in run("rollout", "approve", MODEL, by="ben")[1]
    assert "1 of 1 approvals" in run("rollout", "status", MODEL)[1]
    assert run("rollout", "advance", MODEL, "--finish")[0] == 0
    assert led_site.told() == (2, None)


def test_a_plan_says_its_waves_itself_and_its_slips_are_told_with_their_line(
    run: Run, led_site: Site, plan: Path
) -> None:
    for more in (("--share", "5"), ("--cohort", "pilot"), ("--by-hand",)):
        assert run("rollout", "start", MODEL, "--plan", str(plan), *more)[0] == 2
    plan.write_text(PLAN.replace("approvals", "approval").replace("2d", "two days"))
    code, _, err = run("rollout", "start", MODEL, "--plan", str(plan))
    assert (code, f"{plan}:3: `waves.1.soak` is `two days`" in err) == (2, True)
    assert f"{plan}:6: `approval` is unknown" in err
    assert led_site.told() == (1, None)


def test_the_usual_plan_of_the_settings_leads_who_names_none(
    run: Run, led_site: Site, plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPWAY_FLEET__PLAN", str(plan))
    code, _, err = run("rollout", "start", MODEL, "--share", "5")
    assert (code, f"has a plan, which says its waves itself: {plan}" in err) == (2, True)
    assert "as release 2 to 5 % of all devices" in run("rollout", "start", MODEL, "--dry-run")[2]
    assert run("rollout", "start", MODEL)[0] == 0
    target = led_site.rollout.target
    assert target is not None
    assert target.plan is not None
    assert [one.name for one in target.plan.waves] == ["canary", "more", "all"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{name: all}", "{name: all, share: 90}", "The last wave, `all`"),
        ("{name: all}", "{name: all, kind: shadow}", "The last wave, `all`"),
        ("name: more", "name: canary", "Two waves are called `canary`"),
        ("share: 25", "share: 4", "Wave `more` has no more devices than `canary`"),
        ("share: 25", "share: 25, kind: shadow", "Shadow wave `more` comes after `canary`"),
        ("share: 25", "share: 0", "greater than 0"),
        ("soak: 2d", "soak: 7d", "is not after its soak"),
        ("soak: 2d", "soak: 91d", "at most 90d"),
        ("approvals: 1", "approvals: 9", "less than or equal to 8"),
        ("errors: 0.02", "errors: .nan", "finite"),
    ],
)
def test_a_plan_that_leads_nowhere_is_refused(plan: Path, old: str, new: str, said: str) -> None:
    from slipway.serving.release.plan import FORM

    plan.write_text(PLAN.replace(old, new))
    with pytest.raises(BadPlan, match=said):
        FORM.read(plan)


def test_a_plan_is_the_same_after_the_ledger_has_kept_it(plan: Path) -> None:
    from slipway.serving.release.plan import FORM

    read = FORM.read(plan)
    assert Plan.model_validate(read.model_dump(mode="json")) == read
    assert [one.deadline for one in read.waves] == [timedelta(days=7)] * 3
    assert read.waves[0].soak == timedelta(days=1)


def test_a_pin_from_command_to_device_and_its_end(run: Run, led_site: Site) -> None:
    led_site.start(wave=Plan.model_validate({"waves": [{"name": "all"}]}).waves[0].wave)
    pin = ("fleet", "pin", "gate-7", MODEL, "1", "--until", "7d", "--reason", "the lane is rebuilt")
    assert "Nothing was changed" in run(*pin, "--dry-run", by="edda")[2]
    assert run(*pin)[0] == 1  # dora is no operator
    code, out, err = run(*pin, by="edda")
    assert code == 0, err
    assert out.startswith("device gate-7 is pinned to release 1 until ")
    (told,) = led_site.look().pointer.pins
    assert (told.device, told.release.number) == ("gate-7", 1)
    assert "device gate-7 to release 1 until" in run("rollout", "status", MODEL)[1]
    remove = ("fleet", "pin", "gate-7", MODEL, "--remove", "--reason", "it is done")
    assert run(*remove, by="edda")[0] == 0
    assert led_site.look().pointer.pins == ()
    assert "already" in run(*remove, by="edda")[1]
    assert run("fleet", "pin", "gate-8", MODEL, "--remove", "--reason", "x", by="edda")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("gate-7", MODEL, "1"), 2, "RELEASE with --until"),
        (("gate-7", MODEL, "one", "--until", "7d"), 2, "no number of a release"),
        (("gate-7", MODEL, "1", "--until", "soon"), 2, "no moment with its zone"),
        (("gate-7", MODEL, "1", "--until", "2027-01-01T00:00"), 2, "no moment with its zone"),
        (("gate-7", MODEL, "9", "--until", "7d"), 1, "no release 9"),
        (("gate-7", MODEL, "1", "--until", "91d"), 1, "more than 90 days ahead"),
        (("Gate 7", MODEL, "1", "--until", "1d"), 1, "no name of a device"),
        (("gate-7", MODEL, "1", "--until", "1d", "--site", "s"), 2, "--site S"),
    ],
)
def test_a_pin_that_cannot_be_meant_is_told(
    run: Run, led_site: Site, arguments: tuple[str, ...], code: int, said: str
) -> None:
    found = run("fleet", "pin", *arguments, "--reason", "x", by="edda")
    assert (found[0], said in found[2]) == (code, True), found[2]
    assert led_site.look().pointer.pins == ()


def test_a_keepalive_takes_out_what_is_over_and_changes_nothing_else(led_site: Site) -> None:
    led_site.move(pinning(("site", "harbour"), 1, led_site.time.now() + timedelta(hours=2)), "edda", reason="x")
    led_site.move(freezing(led_site.time.now() + timedelta(hours=3)), "edda", reason="x")
    desk = led_site.desk("dora")
    before = led_site.look().pointer
    assert (len(before.pins), before.frozen_until is None) == (1, False)
    assert not converge(desk, open_repository(desk))[0].changed
    led_site.time.forward(hours=2, minutes=1)
    assert converge(desk, open_repository(desk))[0].changed
    assert not converge(desk, open_repository(desk))[0].changed
    after = led_site.look().pointer
    assert (after.pins, after.frozen_until) == ((), before.frozen_until)
    assert after.sequence > before.sequence


def test_while_all_is_frozen_nothing_starts_and_a_lift_lets_it(run: Run, led_site: Site) -> None:
    code, out, err = run("freeze", "--until", "2d", "--reason", "the fair", by="cleo")
    assert code == 0, err
    assert out.startswith("everything is frozen until ")
    assert led_site.look().pointer.frozen_until is not None
    code, _, err = run("rollout", "start", MODEL)
    assert (code, "frozen until" in err, "the fair" in err, "--lift" in err) == (1, True, True, True)
    assert "frozen" in run("rollout", "status", MODEL)[1]
    assert run("freeze", MODEL, "--lift", "--reason", "x", by="edda")[0] == 1
    assert run("freeze", "--lift", "--reason", "it is over", by="edda")[0] == 0
    assert led_site.look().pointer.frozen_until is None
    assert run("rollout", "start", MODEL)[0] == 0
    assert run("freeze", "--reason", "x")[0] == 2
    assert run("freeze", "--until", "1d", "--lift", "--reason", "x")[0] == 2


def test_a_freeze_of_one_model_keeps_what_is_on_its_way_where_it_is(led_site: Site) -> None:
    led_site.start()
    led_site.move(freezing(led_site.time.now() + timedelta(days=2)), "edda", reason="x")
    with pytest.raises(Refused, match="frozen until"):
        led_site.move(finishing())
    led_site.move(pausing(), "cleo")
    led_site.undo()
    assert led_site.told() == (1, None)
    led_site.move(lifting(), "edda", reason="x")
    assert led_site.look().pointer.frozen_until is None


def test_the_ledger_lists_and_verifies_what_names_no_model(run: Run, led_site: Site) -> None:
    desk = led_site.desk("edda")
    done = move(desk, open_repository(desk), EVERY_MODEL, freezing(desk.now() + timedelta(days=2)), reason="the fair")
    assert [one.model for one in done.shown] == [MODEL]
    assert done.written.entry.decision.action is Action.FREEZE
    number = str(done.written.entry.number)
    assert "freeze" in run("ledger", "list")[1]
    assert "the fair" in run("ledger", "show", number)[1]
    assert run("ledger", "verify")[0] == 0
    assert run("rollout", "history", MODEL)[1].count("everything is frozen until") == 1


def test_a_request_made_again_is_the_same_pin(led_site: Site) -> None:
    now = led_site.time.now()
    wanted = pinning(("device", "gate-7"), 1, now + timedelta(days=2))
    first = led_site.move(wanted, "edda", reason="x", request="r1")
    later = pinning(("device", "gate-7"), 1, now + timedelta(days=2, minutes=1))
    assert led_site.move(later, "edda", reason="x", request="r1").written == first.written
    with pytest.raises(Refused, match="something else"):
        led_site.move(pinning(("device", "gate-8"), 1, now + timedelta(days=2)), "edda", reason="x", request="r1")
    assert led_site.move(unpinning(("device", "gate-7")), "edda", reason="x").rollout.pins == {}


def test_an_approval_by_who_began_it_does_not_count(led_site: Site) -> None:
    plan = Plan.model_validate({"waves": [{"name": "few", "share": 5}, {"name": "all"}], "approvals": 1})
    led_site.start(wave=plan.waves[0].wave, plan=plan)
    with pytest.raises(Refused, match="begun by dora"):
        led_site.move(agreeing("dora"), "dora")
