"""Words that people said on Airflow's page and that a service recorded: they are the people's, and nobody else's."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from releasing import MODEL, Made, Site
from slipway.platform.errors import WrongUse
from slipway.platform.identity import People, Role, sign
from slipway.platform.identity.people_text import rewritten
from slipway.platform.ledger.checking import Kind, Place, check
from slipway.platform.ledger.entry import PAYLOAD, Action, Entry, entry_key
from slipway.platform.ledger.errors import LedgerDamaged
from slipway.platform.registry import approving, cards, promoting
from slipway.platform.registry.approving import Answer, Said
from slipway.platform.registry.authors import Hands
from slipway.platform.registry.decisions import About
from slipway.platform.registry.desk import Desk, Refused
from slipway.platform.registry.finding import pick
from slipway.platform.registry.versions import register

ONE, TWO = f"{MODEL}/1", f"{MODEL}/2"
VIA = {"via": "airflow", "dag": f"retrain__{MODEL}", "run": "asked-1", "answered": "2026-02-01T10:00:00Z"}
Decide = Callable[[Desk, str, Answer], Said]


def answer(verdict: str, responder: str = "ben", request: str = "page-1", reason: str = "good at night") -> Answer:
    return Answer(responder=responder, verdict=verdict, request=request, via=VIA, reason=reason)


def trained(site: Site, *, by: str) -> str:
    """A version that this person trained and a service registered; the key of its verdict."""
    parts = site.run("run-a", by=by)
    made = site.bundle("a", run=parts.key, parts=parts)
    verdict = site.judge(made)
    register(site.desk("flows"), site.registration(made, hands=Hands((by,), (by,))))
    return verdict.key


def test_a_recorded_approval_is_the_persons_and_says_where_it_was_given(site: Site) -> None:
    record = site.version("a").record
    said = approving.approve_for(site.desk("flows"), ONE, answer(record.verdict))
    assert said.approvers == ("ben",)
    entry = said.written.entry
    assert (entry.decision.actor, said.written.signer, said.written.speaker) == ("ben", "flows", "ben")
    assert dict(entry.decision.details) == VIA
    assert dict(entry.decision.subjects) == {"bundle": record.bundle, "version": "1", "verdict": record.verdict}
    assert promoting.promote(site.desk("flows"), ONE).written
    assert pick(site.gates, ONE).standing.champion == record.bundle
    assert "ben" in cards.said(said.written)


def test_the_same_answer_recorded_again_stands_once(site: Site) -> None:
    verdict = site.version("a").record.verdict
    first = approving.approve_for(site.desk("flows"), ONE, answer(verdict))
    again = approving.approve_for(site.desk("flows"), ONE, answer(verdict))
    assert (again.before, again.written) == (True, first.written)
    no = answer(verdict, "cleo", "page-2", "blurred plates")
    one, other = (approving.reject_for(site.desk("flows"), ONE, no) for _ in range(2))
    assert one.written == other.written
    assert len(pick(site.gates, ONE).version.rejections) == 1


def test_a_person_counts_once_however_they_say_it(site: Site) -> None:
    verdict = site.version("a", risk="high").record.verdict
    approving.approve(site.desk("ben"), ONE)
    again = approving.approve_for(site.desk("flows"), ONE, answer(verdict))
    assert again.before
    with pytest.raises(Refused, match="1 of 2 approvals"):
        promoting.promote(site.desk("dora"), ONE)
    assert approving.approve_for(site.desk("flows"), ONE, answer(verdict, "cleo", "page-2")).approvers == (
        "ben",
        "cleo",
    )


def test_a_persons_later_word_takes_the_place_of_the_recorded_one(site: Site) -> None:
    verdict = site.version("a").record.verdict
    approving.reject_for(site.desk("flows"), ONE, answer(verdict, reason="blurred plates"))
    with pytest.raises(Refused, match="rejected by ben: blurred plates"):
        promoting.promote(site.desk("dora"), ONE)
    approving.approve(site.desk("ben"), ONE)
    version = pick(site.gates, ONE).version
    assert (len(version.approvals), version.rejections) == (1, ())


@pytest.mark.parametrize("decide", [approving.approve_for, approving.reject_for])
@pytest.mark.parametrize(
    ("by", "responder", "told"),
    [
        ("finn", "ben", "`finn` is no flow-service"),
        ("cleo", "ben", "`cleo` is no flow-service"),
        ("flows", "finn", "`finn` is no approver"),
        ("flows", "flows", "`flows` is no approver"),
        ("flows", "admin", "knows nobody called `admin`"),
        ("flows", "", "knows nobody called ``"),
    ],
    ids=["a trainer records", "an approver records", "no approver", "for itself", "unknown", "nobody"],
)
def test_who_may_not_say_it_says_nothing_through_the_service(
    site: Site, decide: Decide, by: str, responder: str, told: str
) -> None:
    verdict = site.version("a").record.verdict
    with pytest.raises(Refused, match=told):
        decide(site.desk(by), ONE, answer(verdict, responder))
    version = pick(site.gates, ONE).version
    assert (version.approvals, version.rejections, len(version.refusals)) == ((), (), 1)


def test_four_eyes_hold_for_the_person_and_not_for_the_service(site: Site) -> None:
    verdict = trained(site, by="ada")
    with pytest.raises(Refused, match="`ada` trained it"):
        approving.approve_for(site.desk("flows"), ONE, answer(verdict, "ada"))
    assert approving.approve_for(site.desk("flows"), ONE, answer(verdict)).approvers == ("ben",)


def test_what_a_service_trained_and_registered_any_approver_approves(site: Site) -> None:
    verdict = trained(site, by="flows")
    assert approving.approve_for(site.desk("flows"), ONE, answer(verdict, "ada")).approvers == ("ada",)


def test_an_answer_on_a_verdict_of_yesterday_approves_nothing(site: Site) -> None:
    old = site.version("a").record.verdict
    site.judge(site.bundle("a"), gates="1" * 64)
    with pytest.raises(Refused, match="was judged again"):
        approving.approve_for(site.desk("flows"), ONE, answer(old))
    assert pick(site.gates, ONE).version.approvals == ()


def test_an_answer_to_one_page_approves_no_other_version(site: Site) -> None:
    first, second = site.version("a").record, site.version("b").record
    approving.approve_for(site.desk("flows"), ONE, answer(first.verdict))
    with pytest.raises(Refused, match=f"has approved {ONE} already"):
        approving.approve_for(site.desk("flows"), TWO, answer(second.verdict))


def test_a_recorded_rejection_takes_a_reason(site: Site) -> None:
    verdict = site.version("a").record.verdict
    with pytest.raises(WrongUse, match="takes a reason"):
        approving.reject_for(site.desk("flows"), ONE, answer(verdict, reason=" "))


def forged(site: Site, by: str, actor: str, verdict: str, action: Action = Action.APPROVE) -> bytes:
    """An entry at the end of the ledger that somebody with a key signed past the tools."""
    head = site.gates.ledger.head()
    assert head is not None
    bundle = pick(site.gates, ONE).record.bundle
    decision = About(MODEL, bundle, "1", verdict).decided(action, actor=actor, nonce="forged", reason="fine")
    entry = Entry(number=head.entry.number + 1, previous=head.digest, at=head.entry.at, decision=decision)
    envelope = sign(site.signer(by), entry.to_bytes(), PAYLOAD)
    site.gates.store.put(entry_key(entry.number), envelope)
    return envelope


@pytest.mark.parametrize("action", [Action.APPROVE, Action.REJECT])
@pytest.mark.parametrize(
    ("by", "actor", "told"),
    [
        ("finn", "ben", "`finn` signed {} of `ben` on .* and `finn` was not flow-service then"),
        ("cleo", "ben", "`cleo` signed {} of `ben` on .* and `cleo` was not flow-service then"),
        ("flows", "finn", "`flows` signed {} of `finn` on .* and `finn` was not approver then"),
        ("flows", "nobody", "`flows` signed {} of `nobody` on .* and `nobody` was not approver then"),
        ("flows", "flows", "`flows` signed {} on .* and was not approver then"),
        ("flows", "gates", "`flows` signed {} of `gates` on .* and `gates` was not approver then"),
    ],
    ids=["a trainer signs", "an approver signs", "no approver", "unknown", "for itself", "for another service"],
)
def test_a_forged_word_is_read_by_nobody(site: Site, action: Action, by: str, actor: str, told: str) -> None:
    verdict = site.version("a").record.verdict
    forged(site, by, actor, verdict, action)
    with pytest.raises(LedgerDamaged, match=told.format(action)):
        pick(site.gates, ONE)
    problems = site.gates.ledger.verify().problems
    assert Kind.RIGHT in {one.kind for one in problems}


def test_a_forged_approval_by_who_trained_it_counts_for_nothing(site: Site) -> None:
    """The service's key, used past the tools: the fold knows who is barred, by name and by e-mail address."""
    for hands in (Hands(("ada",), ("finn",)), Hands(("finn",), ("ADA@example.com",))):
        made: Made = site.bundle(hands.trained[0])
        verdict = site.judge(made)
        version = register(site.desk("flows"), site.registration(made, hands=hands)).record
        about = About(MODEL, made.digest, version.number, verdict.key)
        decision = about.decided(Action.APPROVE, actor="ada", nonce="n")
        site.desk("flows").ledger.append(decision, site.signer("flows"))
        assert pick(site.gates, f"{MODEL}/{version.number}").version.approvers(verdict.key) == ()
        with pytest.raises(Refused, match="0 of 1 approvals"):
            promoting.promote(site.desk("dora"), f"{MODEL}/{version.number}")


def people_with(site: Site, name: str, fields: Mapping[str, Any]) -> None:
    persons = [one.model_copy(update=fields if one.name == name else {}) for one in site.gates.people.persons]
    (site.root / ".slipway" / "people.toml").write_text(rewritten("", People(tuple(persons))))
    site.close()
    site.desks.clear()


@pytest.mark.parametrize(("name", "role"), [("ben", Role.APPROVER), ("flows", Role.FLOW_SERVICE)])
def test_a_role_that_was_taken_away_is_asked_for_at_the_time_of_the_word(site: Site, name: str, role: Role) -> None:
    verdict = site.version("a").record.verdict
    said = approving.approve_for(site.desk("flows"), ONE, answer(verdict))
    kept = tuple(one for one in site.gates.people.person(name).roles if one is not role)
    envelope = site.gates.store.get(entry_key(said.written.entry.number))
    people_with(site, name, {"roles": kept})
    found = check(Place(said.written.entry.number, previous=None), envelope, site.gates.people)
    assert found.fatal is not None
    assert f"`{name}` was not {role} then" in found.fatal.text
    assert f'former = [{{ role = "{role}"' in (found.fatal.mend or "")
