"""From a verdict to the champion: registering, approving and promoting by steps, with real keys, ledger and MLflow."""

from collections.abc import Callable

import pytest

from releasing import MODEL, Site
from slipway.pipelines.steps.approve import ApproveStep
from slipway.pipelines.steps.gate import GateStep
from slipway.pipelines.steps.promote import PromoteStep
from slipway.pipelines.steps.register import RegisterStep
from slipway.pipelines.steps.site import Site as StepSite
from slipway.pipelines.steps.step import Ask, How, Told
from slipway.platform.ledger.entry import Action
from slipway.platform.registry import approving, promoting
from slipway.platform.registry.guard_settled import FOLDER

ONE = f"{MODEL}/1"
VIA = {"dag": f"retrain__{MODEL}", "run": "asked-1"}
AsWho = Callable[[str], StepSite]


def silent(_: str) -> None:
    """Nobody listens."""


def actions(site: Site) -> list[Action]:
    return [one.entry.decision.action for one in site.gates.ledger.entries(MODEL)]


def approve(acting: AsWho, ask: Ask, by: str = "flows") -> Told:
    return ApproveStep().do(acting(by), ask, {"version": "1"}, silent)


def answered(response: str, responder: str, reason: str = "looked at it", request: str = "page-1") -> Ask:
    return Ask(model=MODEL, response=response, responder=responder, reason=reason, request=request, via=VIA)


def test_a_version_that_is_there_is_found_and_says_which_it_is(site: Site, acting: AsWho, ask: Ask) -> None:
    bundle = site.version("a").record.bundle
    before = actions(site)
    told = RegisterStep().do(acting("finn"), ask, {"bundle": bundle}, silent)
    assert (told.how, dict(told.values)) == (How.FOUND, {"version": "1"})
    assert told.seconds < 1
    assert RegisterStep().look(acting("finn"), ask, {"bundle": "0" * 64}).how is How.TO_DO
    assert actions(site) == before


def test_a_registration_that_mlflow_may_not_show_is_shown_when_it_is_found(site: Site, acting: AsWho, ask: Ask) -> None:
    record = site.version("a").record
    site.gates.registry.delete_alias(MODEL, "challenger")
    for key in list(site.gates.store.list(f"{FOLDER}/{MODEL}/")):
        site.gates.store.delete(key)
    heard: list[str] = []
    RegisterStep().do(acting("finn"), ask, {"bundle": record.bundle}, heard.append)
    assert site.gates.registry.aliases(MODEL) == {"challenger": "1"}
    assert len(heard) == 1
    RegisterStep().do(acting("finn"), ask, {"bundle": record.bundle}, heard.append)
    assert len(heard) == 1


def test_without_approvals_the_flow_waits_with_the_review(site: Site, acting: AsWho, ask: Ask) -> None:
    site.version("a")
    told = approve(acting, ask)
    assert told.how is How.WAITING
    assert "0 of 1 approvals" in told.line
    assert told.text.startswith(f"# Review of {ONE}")
    assert ApproveStep().look(acting("flows"), ask, {"version": "1"}).how is How.WAITING


def test_an_approval_by_command_is_found(site: Site, acting: AsWho, ask: Ask) -> None:
    site.version("a")
    approving.approve(site.desk("ben"), ONE)
    told = approve(acting, ask)
    assert (told.how, told.line) == (How.FOUND, f"{ONE} is approved by ben.")


def test_an_answer_is_recorded_as_the_persons_once_however_often_it_comes(site: Site, acting: AsWho) -> None:
    site.version("a")
    first = approve(acting, answered("approve", "ben"))
    assert (first.how, first.line) == (How.DONE, f"{ONE} is approved by ben.")
    again = approve(acting, answered("approve", "ben"))
    assert again.how is How.FOUND
    entries = [one for one in site.gates.ledger.entries(MODEL) if one.entry.decision.action is Action.APPROVE]
    assert [(one.entry.decision.actor, one.signer) for one in entries] == [("ben", "flows")]
    assert dict(entries[0].entry.decision.details) == {"via": "airflow", **VIA}


@pytest.mark.parametrize(
    ("responder", "why"), [("zoe", "knows nobody called `zoe`"), ("dora", "is no approver"), ("finn", "is no approver")]
)
def test_an_answer_that_does_not_count_is_told_and_the_flow_waits_on(
    site: Site, acting: AsWho, responder: str, why: str
) -> None:
    site.version("a")
    told = approve(acting, answered("approve", responder))
    assert told.how is How.WAITING
    assert f"The answer of {responder} does not count" in told.line
    assert why in told.line
    assert Action.APPROVE not in actions(site)


def test_a_rejection_ends_the_flow_in_the_persons_words(site: Site, acting: AsWho, ask: Ask) -> None:
    site.version("a")
    told = approve(acting, answered("reject", "cleo", "blurred plates"))
    assert told.how is How.REFUSED
    assert "rejected by cleo: blurred plates" in told.line
    assert approve(acting, ask).how is How.REFUSED


def test_a_version_whose_verdict_is_against_an_earlier_champion_is_judged_again_first(
    site: Site, acting: AsWho, ask: Ask
) -> None:
    site.version("a")
    site.version("b")
    approving.approve(site.desk("ben"), f"{MODEL}/2")
    promoting.promote(site.desk("dora"), f"{MODEL}/2")
    told = approve(acting, ask)
    assert told.how is How.REFUSED
    assert "slipway gate" in told.mend


def test_what_the_rules_do_not_allow_is_refused_without_a_word_in_the_ledger(
    site: Site, acting: AsWho, ask: Ask
) -> None:
    site.version("a")
    before = actions(site)
    for who, why in (("flows", "0 of 1 approvals"), ("finn", "is no releaser")):
        told = PromoteStep().do(acting(who), ask, {"version": "1"}, silent)
        assert told.how is How.REFUSED
        assert why in told.line
        assert "\n" not in told.line
    assert actions(site) == before
    assert site.gates.standing(MODEL).champion is None


def test_what_was_approved_becomes_champion_once(site: Site, acting: AsWho, ask: Ask) -> None:
    record = site.version("a").record
    approving.approve(site.desk("ben"), ONE)
    look = PromoteStep().look(acting("flows"), ask, {"version": "1"})
    assert (look.how, look.line) == (How.TO_DO, f"{ONE} would become champion.")
    first, second = (PromoteStep().do(acting("flows"), ask, {"version": "1"}, silent) for _ in range(2))
    assert (first.how, second.how) == (How.DONE, How.FOUND)
    assert actions(site).count(Action.PROMOTE) == 1
    assert site.gates.registry.aliases(MODEL)["champion"] == "1"
    given = {"bundle": record.bundle, "snapshot": "d" * 64}
    gated = GateStep().do(acting("flows"), ask, given, silent)
    assert (gated.how, dict(gated.values)) == (How.FOUND, {"verdict": record.verdict})
    assert approve(acting, ask).how is How.FOUND
