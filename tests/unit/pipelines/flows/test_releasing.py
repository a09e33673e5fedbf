"""The step `rollout` and the list of flows, over a real ledger, channel and keys."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rolling_out import MODEL, Site
from slipway.pipelines.flows.listing import listed
from slipway.pipelines.steps.commands import Answer
from slipway.pipelines.steps.ingest import IngestStep
from slipway.pipelines.steps.rollout import RolloutStep
from slipway.pipelines.steps.site import Site as StepSite
from slipway.pipelines.steps.step import Ask, How, Told
from slipway.pipelines.steps.work import LeftRunning
from slipway.platform.ledger.entry import Action
from slipway.platform.store import StoreError
from slipway.serving.channel.transport import NotThere
from slipway.serving.release.moving import advancing, finishing, pausing
from slipway.serving.release.plan import Plan

ASK = Ask(model=MODEL, wait=False)
Sleep = Callable[[float], object]
PLAN = Plan.model_validate({"waves": [{"name": "canary", "share": 10}, {"name": "all"}]})


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A project with people and a channel, and no release."""
    return Site(tmp_path / "site").open()


@pytest.fixture
def there(site: Site, monkeypatch: pytest.MonkeyPatch) -> StepSite:
    """Where dora's steps work; `slipway rollout start` is what the command does, in this process."""

    def slipway(_: StepSite, *words: str, tell: Callable[[str], None]) -> Answer:
        assert words[:3] == ("rollout", "start", MODEL)
        tell("starting")
        done = site.start(plan=PLAN, wave=PLAN.waves[0].wave)
        return Answer("rollout", {"release": {"number": done.released.number}, "before": done.before}, 0)

    monkeypatch.setattr(StepSite, "slipway", slipway)
    found = StepSite(site.desk("dora").loaded, site.environ)
    found.__dict__["desk"] = site.desk("dora")
    return found


def do(there: StepSite, ask: Ask = ASK, sleep: Sleep = lambda _: pytest.fail("it waited")) -> Told:
    return RolloutStep(sleep=sleep).do(there, ask, {}, lambda _: None)


def test_without_a_champion_nothing_is_released(there: StepSite) -> None:
    told = do(there)
    assert told.how is How.SKIPPED
    assert "no champion" in told.line


def test_the_champion_is_released_once_and_says_how_it_stands(site: Site, there: StepSite) -> None:
    site.promote("a")
    assert RolloutStep().look(there, ASK, {}).how is How.TO_DO
    first, second = do(there), do(there)
    assert (first.how, second.how) == (How.DONE, How.FOUND)
    assert dict(first.values) == {"release": "1"}
    assert "10 % of all devices" in second.line
    assert len(site.entries(Action.RELEASE)) == 1
    (_, row) = [one for one in listed(there, [MODEL]) if one.flow in ("retrain", "rollout")]
    assert (row.last, "10 %" in row.stands) == ("release 1", True)


def test_a_release_that_was_written_and_not_told_to_devices_is_told_when_it_is_found(
    site: Site, there: StepSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.promote("a")
    with monkeypatch.context() as patch:
        patch.setattr("slipway.serving.release.starting._shown", lambda *_: None)
        do(there)
    with pytest.raises(NotThere):
        site.told()
    assert do(there).how is How.FOUND
    assert site.told() == (None, 1)


def test_looking_on_ends_when_it_is_everybodys(site: Site, there: StepSite) -> None:
    site.promote("a")
    moves = iter([advancing(PLAN.waves[1].wave), finishing()])
    told = do(there, replace(ASK, wait=True), lambda _: site.move(next(moves)))
    assert (told.how, told.line) == (How.DONE, f"{MODEL}/1 is everybody's, as release 1.")
    assert do(there, replace(ASK, wait=True)).how is How.FOUND


def test_looking_on_ends_where_a_person_paused_it_or_took_it_back(site: Site, there: StepSite) -> None:
    site.release("a")
    site.promote("b")
    told = do(there, replace(ASK, wait=True), lambda _: site.move(pausing(), reason="glare at site north"))
    assert told.how is How.WAITING
    assert "by dora: glare at site north" in told.line
    assert "resume" in told.mend
    assert do(there).how is How.FOUND
    site.undo()
    assert site.champion == "a"
    assert do(there).line == f"{MODEL}/1 is everybody's, as release 1."


def test_one_that_is_undone_while_somebody_looks_on_is_told_with_why(site: Site, there: StepSite) -> None:
    site.release("a")
    site.promote("b")
    told = do(there, replace(ASK, wait=True), lambda _: site.undo())
    assert told.how is How.REFUSED
    assert "undone by cleo: wrong at night" in told.line


def test_ctrl_c_only_stops_looking_on(site: Site, there: StepSite) -> None:
    site.promote("a")

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(LeftRunning, match="release 1"):
        do(there, replace(ASK, wait=True), interrupted)
    assert site.rollout.target_number == 1


@pytest.mark.usefixtures("there")
def test_what_the_rules_do_not_allow_is_refused_without_a_word_in_the_ledger(site: Site) -> None:
    site.promote("a")
    others = StepSite(site.desk("ben").loaded, site.environ)
    before = len(site.entries())
    told = do(others)
    assert told.how is How.REFUSED
    assert "`ben`" in told.line
    assert len(site.entries()) == before


def test_a_flow_of_which_nothing_can_be_said_keeps_no_other_from_being_listed(
    site: Site, there: StepSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.promote("a")

    def look(*_: object) -> Told:
        raise StoreError("The bucket of deliveries does not answer.")

    monkeypatch.setattr(IngestStep, "look", look)
    found = {one.flow: one.stands for one in listed(there, [MODEL])}
    assert found["ingest"] == "nobody can say: The bucket of deliveries does not answer."
    assert found["rollout"] == "the champion was not released yet"
