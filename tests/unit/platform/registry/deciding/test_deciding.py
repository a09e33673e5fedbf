"""Approving, promoting, overriding and rolling back, with real keys, a real ledger and a real MLflow."""

from collections.abc import Callable

import pytest

from releasing import MODEL, Site
from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.identity import NotTrusted
from slipway.platform.ledger.entry import Action
from slipway.platform.registry import approving, promoting
from slipway.platform.registry.authors import Hands
from slipway.platform.registry.decisions import About
from slipway.platform.registry.desk import Desk, Refused
from slipway.platform.registry.finding import pick
from slipway.platform.registry.versions import register

ONE, TWO, THREE = (f"{MODEL}/{number}" for number in (1, 2, 3))


def champion(site: Site, name: str = "a") -> str:
    """A first champion; its bundle."""
    bundle = site.version(name).record.bundle
    approving.approve(site.desk("ben"), ONE)
    promoting.promote(site.desk("dora"), ONE)
    return bundle


def ledger(site: Site) -> list[tuple[str, str]]:
    return [(one.entry.decision.action.value, one.signer) for one in site.gates.ledger.entries(MODEL)]


def last(site: Site) -> tuple[str, str]:
    return ledger(site)[-1]


def test_an_approval_names_bundle_version_and_verdict(site: Site) -> None:
    record = site.version("a").record
    said = approving.approve(site.desk("ben"), ONE, reason="good at night")
    decision = said.written.entry.decision
    assert dict(decision.subjects) == {"bundle": record.bundle, "version": "1", "verdict": record.verdict}
    assert said.approvers == ("ben",)
    version = site.gates.registry.version(MODEL, "1")
    assert version is not None
    assert "good at night" in version.description


def test_approving_twice_counts_once(site: Site) -> None:
    site.version("a", risk="high")
    first = approving.approve(site.desk("ben"), ONE)
    again = approving.approve(site.desk("ben"), ONE)
    assert again.before
    assert again.written == first.written
    with pytest.raises(Refused, match="1 of 2 approvals"):
        promoting.promote(site.desk("dora"), ONE)
    approving.approve(site.desk("cleo"), ONE)
    assert promoting.promote(site.desk("dora"), ONE).written


@pytest.mark.parametrize(
    ("hands", "told"),
    [
        (Hands(("ada",), ("finn",)), "`ada` trained it"),
        (Hands(("finn",), ("ada",)), "`ada` last wrote its code or config"),
        (Hands(("finn",), ("ADA@example.com",)), "`ada` last wrote its code or config"),
        (Hands(), "`ada` registered it and answers for who trained it"),
    ],
    ids=["trained", "wrote", "wrote by mail", "registered what nobody trained"],
)
def test_nobody_approves_their_own_work(site: Site, hands: Hands, told: str) -> None:
    parts = site.run("run-a")
    made = site.bundle("a", run=parts.key, parts=parts)
    site.judge(made)
    register(site.desk("ada"), site.registration(made, hands=hands))
    with pytest.raises(Refused, match=told):
        approving.approve(site.desk("ada"), ONE)
    assert last(site) == ("refuse", "ada")
    assert pick(site.gates, ONE).version.approvals == ()
    approving.approve(site.desk("ben"), ONE)


def test_only_approvers_approve_and_reject(site: Site) -> None:
    site.version("a")
    for decide in (approving.approve, lambda desk, given: approving.reject(desk, given, reason="no")):
        with pytest.raises(Refused, match="`finn` is no approver"):
            decide(site.desk("finn"), ONE)
        assert last(site) == ("refuse", "finn")


def test_a_replayed_approval_is_refused(site: Site) -> None:
    site.version("a")
    site.version("b")
    approving.approve(site.desk("ben"), ONE, request="r-1")
    before = len(ledger(site))
    assert approving.approve(site.desk("ben"), ONE, request="r-1").before
    assert len(ledger(site)) == before
    with pytest.raises(Refused, match=f"has approved {ONE} already"):
        approving.approve(site.desk("ben"), TWO, request="r-1")
    with pytest.raises(Refused, match="already"):
        approving.approve(site.desk("cleo"), ONE, request="r-1")


def other_bundle(site: Site) -> str:
    return site.judge(site.bundle("c")).key


def old_champion(site: Site) -> str:
    return site.judge(site.bundle("b"), champion="9" * 64).key


def unknown(site: Site) -> str:  # noqa: ARG001 - each is asked alike
    return "0" * 64


@pytest.mark.parametrize(
    ("verdict", "told"),
    [(other_bundle, "is on the bundle"), (old_champion, "was given against"), (unknown, "has no verdict")],
)
def test_a_verdict_that_is_not_todays_on_this_bundle_approves_nothing(
    site: Site, verdict: Callable[[Site], str], told: str
) -> None:
    champion(site)
    made = site.bundle("b")
    site.judge(made, champion=site.gates.standing(MODEL).champion)
    register(site.desk("finn"), site.registration(made))
    with pytest.raises(Refused, match=told):
        approving.approve(site.desk("ben"), TWO, verdict=verdict(site))
    assert pick(site.gates, TWO).version.approvals == ()


def test_an_approval_does_not_pass_on_to_a_later_verdict(site: Site) -> None:
    site.version("a")
    approving.approve(site.desk("ben"), ONE)
    site.judge(site.bundle("a"), gates="1" * 64)
    with pytest.raises(Refused, match="0 of 1 approvals on today's verdict"):
        promoting.promote(site.desk("dora"), ONE)


def test_a_rejection_stands_until_it_is_taken_back(site: Site) -> None:
    site.version("a")
    approving.approve(site.desk("ben"), ONE)
    approving.reject(site.desk("cleo"), ONE, reason="blurred plates")
    with pytest.raises(Refused, match="rejected by cleo: blurred plates"):
        promoting.promote(site.desk("dora"), ONE)
    assert "challenger" not in site.gates.registry.aliases(MODEL)
    approving.approve(site.desk("cleo"), ONE)
    assert promoting.promote(site.desk("dora"), ONE).written


def test_words_take_a_reason(site: Site) -> None:
    site.version("a")
    with pytest.raises(WrongUse, match="takes a reason"):
        approving.reject(site.desk("ben"), ONE, reason=" ")
    with pytest.raises(WrongUse, match="takes a reason"):
        promoting.override(site.desk("dora"), ONE, reason="")
    said = approving.comment(site.desk("finn"), ONE, reason="look at bay 7")
    assert said.picked.version.comments == (said.written,)


def test_promoting_writes_the_ledger_then_the_aliases(site: Site) -> None:
    first = champion(site)
    assert site.gates.registry.aliases(MODEL) == {"champion": "1"}
    second = site.version("b", champion=first).record
    assert site.gates.registry.aliases(MODEL) == {"champion": "1", "challenger": "2"}
    approving.approve(site.desk("ben"), TWO)
    done = promoting.promote(site.desk("dora"), TWO)
    assert done.replaced == first
    assert done.written is not None
    assert dict(done.written.entry.decision.subjects) == {
        "bundle": second.bundle, "version": "2", "verdict": second.verdict, "replaces": first,
    }  # fmt: skip
    assert site.gates.registry.aliases(MODEL) == {"champion": "2"}
    described = {one.number: one.description.splitlines()[2] for one in site.gates.registry.versions(MODEL)}
    assert {number: line.split(" ")[0] for number, line in described.items()} == {"1": "passed", "2": "champion"}
    before = ledger(site)
    assert promoting.promote(site.desk("dora"), TWO).written is None
    assert ledger(site) == before


def test_a_promotion_that_was_killed_before_the_alias_is_finished_by_the_next(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.version("a")
    approving.approve(site.desk("ben"), ONE)
    with monkeypatch.context() as patched:
        patched.setattr(promoting, "show_version", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            promoting.promote(site.desk("dora"), ONE)
    assert site.gates.registry.aliases(MODEL) == {"challenger": "1"}
    promoting.promote(site.desk("dora"), ONE)
    assert site.gates.registry.aliases(MODEL) == {"champion": "1"}
    assert [action for action, _ in ledger(site)].count("promote") == 1


def test_after_another_became_champion_a_new_gate_run_is_asked_for(site: Site) -> None:
    first = champion(site)
    site.version("b", champion=first)
    third = site.version("c", champion=first).record
    for name in (TWO, THREE):
        approving.approve(site.desk("ben"), name)
    promoting.promote(site.desk("dora"), TWO)
    with pytest.raises(Refused, match="was judged against bundle") as refused:
        promoting.promote(site.desk("dora"), THREE)
    assert f"slipway gate {third.bundle[:12]} --against champion" in str(refused.value.mend)
    assert site.gates.registry.aliases(MODEL)["champion"] == "2"
    second = site.gates.standing(MODEL).champion
    site.judge(site.bundle("c"), champion=second)
    approving.approve(site.desk("ben"), THREE)
    assert promoting.promote(site.desk("dora"), THREE).picked.standing.champion == third.bundle


def test_of_two_who_promote_at_once_the_second_is_told(site: Site) -> None:
    first = champion(site)
    site.version("b", champion=first)
    site.version("c", champion=first)
    for name in (TWO, THREE):
        approving.approve(site.desk("ben"), name)
    desk = site.desk("dora")
    picked = pick(desk, THREE)  # as it stood before the other one
    verdict = promoting.look(desk, picked)[0]
    assert verdict is not None
    promoting.promote(site.desk("dora"), TWO)
    with pytest.raises(Refused, match="Somebody was faster") as refused:
        promoting._become(desk, picked, Action.PROMOTE, verdict.key, "n")
    assert "slipway gate" in str(refused.value.mend)
    assert pick(desk, TWO).standing.champion == pick(desk, TWO).record.bundle
    assert site.gates.registry.aliases(MODEL)["champion"] == "2"


def test_without_the_role_nobody_promotes_or_overrides(site: Site) -> None:
    first = champion(site)
    site.version("b", champion=first)
    with pytest.raises(Refused, match="`ben` is no releaser"):
        promoting.promote(site.desk("ben"), TWO)
    with pytest.raises(Refused, match="`ben` is no override"):
        promoting.override(site.desk("ben"), TWO, reason="now")
    assert ledger(site)[-2:] == [("refuse", "ben")] * 2


def test_an_override_is_loud(site: Site) -> None:
    site.version("a")
    done = promoting.override(site.desk("dora"), ONE, reason="the lot opens today")
    assert done.written is not None
    decision = done.written.entry.decision
    assert decision.action is Action.OVERRIDE
    assert "0 of 1 approvals" in decision.details["refused"]
    version = site.gates.registry.version(MODEL, "1")
    assert version is not None
    assert "OVERRIDE" in version.description.split("## Purpose")[0]
    assert "the lot opens today" in version.description
    assert version.aliases == ("champion",)


def test_where_nothing_speaks_against_it_nothing_is_overridden(site: Site) -> None:
    site.version("a")
    approving.approve(site.desk("ben"), ONE)
    with pytest.raises(Refused, match="nothing to override"):
        promoting.override(site.desk("dora"), ONE, reason="to be sure")


def test_a_rollback_returns_and_quarantines(site: Site) -> None:
    first = champion(site)
    site.version("b", champion=first)
    approving.approve(site.desk("ben"), TWO)
    promoting.promote(site.desk("dora"), TWO)
    done = promoting.rollback(site.desk("dora"), MODEL, reason="wrong at night", request="undo-1")
    assert done.picked.standing.champion == first
    assert site.gates.registry.aliases(MODEL) == {"champion": "1"}
    again = promoting.rollback(site.desk("dora"), MODEL, reason="wrong at night", request="undo-1")
    assert again.written == done.written
    with pytest.raises(Refused, match="older approvals do not count"):
        promoting.promote(site.desk("dora"), TWO)
    approving.approve(site.desk("ben"), TWO)
    assert promoting.promote(site.desk("dora"), TWO).written


def test_there_is_nothing_before_the_first_champion(site: Site) -> None:
    champion(site)
    with pytest.raises(Refused, match="nothing to go back to"):
        promoting.rollback(site.desk("dora"), MODEL, reason="wrong")


def test_a_rollback_takes_a_releaser_or_somebody_on_call(site: Site) -> None:
    first = champion(site)
    site.version("b", champion=first)
    approving.approve(site.desk("ben"), TWO)
    promoting.promote(site.desk("dora"), TWO)
    with pytest.raises(Refused, match="releaser"):
        promoting.rollback(site.desk("finn"), MODEL, reason="wrong")
    assert last(site) == ("refuse", "finn")


def test_a_verdict_that_was_changed_promotes_nothing(site: Site) -> None:
    record = site.version("a").record
    approving.approve(site.desk("ben"), ONE)
    key = f"verdicts/{record.verdict}.json"
    store = site.gates.store
    envelope = store.get(key)
    store.put(key, envelope.replace(b"e", b"f", 1))
    with pytest.raises(Refused, match="refused"):
        promoting.promote(site.desk("dora"), ONE)
    assert site.gates.standing(MODEL).champion is None


def test_a_key_that_nobody_trusts_promotes_nothing(site: Site) -> None:
    site.version("a")
    approving.approve(site.desk("ben"), ONE)
    (site.root / "home/.config/slipway/keys/dora.pem").unlink()
    stranger = Site(site.root.parent / "elsewhere").open()
    key = stranger.root / "home/.config/slipway/keys/dora.pem"
    key.rename(site.root / "home/.config/slipway/keys/dora.pem")
    with pytest.raises(NotTrusted):
        promoting.promote(site.desk("dora"), ONE)
    assert site.gates.standing(MODEL).champion is None


def test_no_variable_goes_past_the_rules(site: Site) -> None:
    site.version("a")
    for name in ("OVERRIDE", "FORCE", "SKIP_APPROVAL", "YES"):
        site.environ[f"SLIPWAY_{name}"] = "1"
        with pytest.raises(SlipwayError):
            promoting.promote(site.desk("dora"), ONE)
        del site.environ[f"SLIPWAY_{name}"]
    assert site.gates.standing(MODEL).champion is None


def test_the_guards_question_has_the_same_answer(site: Site) -> None:
    site.version("a")
    desk = site.gates
    picked = pick(desk, ONE)
    (why,) = promoting.obstacles(desk, picked.standing, picked.version)
    assert "0 of 1 approvals" in why
    approving.approve(site.desk("ben"), ONE)
    picked = pick(desk, ONE)
    assert promoting.obstacles(desk, picked.standing, picked.version) == []


def test_an_entry_that_was_forged_for_another_is_not_signed(site: Site) -> None:
    record = site.version("a").record
    about = About(MODEL, record.bundle, "1", record.verdict)
    decision = about.decided(Action.APPROVE, actor="ben", nonce="n")
    desk: Desk = site.desk("finn")
    with pytest.raises(NotTrusted, match="everyone signs for themself"):
        desk.ledger.append(decision, desk.signer)
