"""Those who write into store, MLflow or people file, or sign past the tools: none of it makes anything champion."""

import json
from pathlib import Path
from typing import Any

import pytest

from releasing import MODEL, Made, Site
from slipway.platform.errors import WrongUse
from slipway.platform.identity import People
from slipway.platform.ledger.entry import Action
from slipway.platform.registry import approving, authors, cards, promoting, shown
from slipway.platform.registry.authors import Hands
from slipway.platform.registry.decisions import About, registered
from slipway.platform.registry.desk import Refused
from slipway.platform.registry.guard_settled import last_settled
from slipway.platform.registry.records import version_key
from slipway.platform.registry.versions import register
from slipway.platform.runs.errors import RecordDamaged

ONE, TWO = f"{MODEL}/1", f"{MODEL}/2"


def champion(site: Site, name: str = "a") -> str:
    bundle = site.version(name).record.bundle
    approving.approve(site.desk("ben"), ONE)
    promoting.promote(site.desk("dora"), ONE)
    return bundle


def changed(site: Site, bundle: str, /, **fields: Any) -> None:
    """The record of a version, written over."""
    store, key = site.gates.store, version_key(bundle)
    store.put(key, json.dumps(json.loads(store.get(key)) | fields).encode())


@pytest.mark.parametrize(
    "fields",
    [
        {"trained_by": [], "written_by": []},
        {"risk": "minimal"},
        {"verdict": "0" * 64},
        {"number": "7"},
        {"owner": "ada"},
    ],
    ids=["hands", "risk", "verdict", "number", "owner"],
)
def test_a_version_record_that_was_changed_decides_nothing(site: Site, fields: dict[str, Any]) -> None:
    made = site.bundle("a")
    site.judge(made)
    record = register(site.desk("finn"), site.registration(made, risk="high", hands=Hands(("ada",), ("ada",)))).record
    changed(site, record.bundle, **fields)
    for decide in (
        lambda: approving.approve(site.desk("ada"), ONE),
        lambda: approving.approve(site.desk("ben"), ONE),
        lambda: promoting.promote(site.desk("dora"), ONE),
        lambda: promoting.override(site.desk("dora"), ONE, reason="now"),
    ):
        with pytest.raises(RecordDamaged, match="is not what was registered"):
            decide()
    assert site.gates.standing(MODEL).champion is None


def test_a_version_record_that_speaks_of_another_bundle_overrides_nothing(site: Site) -> None:
    first = site.version("a").record.bundle
    other = site.version("b").record.bundle
    changed(site, first, bundle=other)
    with pytest.raises(RecordDamaged, match="speaks of the bundle"):
        promoting.override(site.desk("dora"), ONE, reason="now")
    assert site.gates.standing(MODEL).champion is None


def planted(site: Site, made: Made, **fields: Any) -> None:
    """A record that somebody wrote before anybody registered the bundle."""
    elsewhere = site.version("pattern").record
    told = elsewhere.model_copy(update={"bundle": made.digest, "number": "2", "nonce": "planted", **fields})
    site.gates.store.put(version_key(made.digest), told.to_bytes())
    tags = {"bundle": made.digest}
    site.gates.registry.create_version(MODEL, source="slipway:/x", run_id="", description="", tags=tags)


def test_a_record_planted_beforehand_registers_nothing_without_a_verdict(site: Site) -> None:
    made = site.bundle("a")
    planted(site, made)
    with pytest.raises(Refused, match="no verdict"):
        register(site.desk("finn"), site.registration(made))
    verdict = site.judge(made)
    with pytest.raises(RecordDamaged, match="no record of a version"):
        register(site.desk("finn"), site.registration(made))
    assert made.digest not in site.gates.standing(MODEL).versions
    changed(site, made.digest, verdict=verdict.key)
    register(site.desk("finn"), site.registration(made))


def test_a_record_planted_beforehand_hides_nobody_and_lowers_no_risk(site: Site) -> None:
    made = site.bundle("a")
    planted(site, made, verdict=site.judge(made).key, trained_by=(), written_by=(), risk="minimal")
    register(site.desk("finn"), site.registration(made, risk="high", hands=Hands(("ada",), ("ben@elsewhere.org",))))
    version = site.gates.standing(MODEL).versions[made.digest]
    assert (version.needed, version.barred) == (2, ("ada", "ben@elsewhere.org", "finn"))
    with pytest.raises(Refused, match="`ada`"):
        approving.approve(site.desk("ada"), TWO)


def test_whoever_registers_does_not_approve_however_little_they_say(site: Site) -> None:
    made = site.bundle("a")
    site.judge(made)
    register(site.desk("ada"), site.registration(made, hands=Hands(("finn",), ("finn",))))
    with pytest.raises(Refused, match="`ada` registered it, and said who had a hand in it"):
        approving.approve(site.desk("ada"), ONE)


def test_an_entry_signed_past_the_tools_does_not_make_a_trainer_an_approver(site: Site) -> None:
    """Somebody with the roles and the key calls the ledger by themself: bars nobody, approves, has it promoted."""
    parts = site.run("run-a", by="ada")
    made = site.bundle("a", run=parts.key, parts=parts)
    verdict = site.judge(made)
    record = register(site.desk("finn"), site.registration(made, hands=Hands(("finn",), ("finn",)))).record
    desk = site.desk("ada")
    about = About(MODEL, record.bundle, record.number, verdict.key)
    again = registered(about, actor="ada", nonce="mine", needed=1, barred=())
    desk.ledger.append(again, desk.signer)
    desk.ledger.append(about.decided(Action.APPROVE, actor="ada", nonce="n"), desk.signer)
    assert site.gates.standing(MODEL).versions[record.bundle].registered.signer == "finn"
    with pytest.raises(Refused, match="0 of 1 approvals"):
        promoting.promote(site.desk("dora"), ONE)
    with pytest.raises(Refused, match="`ada` trained it"):
        approving.approve(desk, ONE)


def test_a_writer_whom_git_did_not_know_where_it_was_registered_does_not_approve(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    parts = site.run("run-a", revision="a" * 40)
    made = site.bundle("a", run=parts.key, parts=parts)
    site.judge(made)
    register(site.desk("finn"), site.registration(made, hands=Hands(("finn",), ("finn",))))
    approving.approve(site.desk("ben"), ONE)
    monkeypatch.setattr(
        authors, "last_writer", lambda folder, commit: f"ben@example.com{commit[:0]}" if folder else None
    )
    monkeypatch.setattr(approving, "_installed", lambda _: _Installed(tmp_path, site))
    with pytest.raises(Refused, match="0 of 1 approvals"):
        promoting.promote(site.desk("dora"), ONE)
    with pytest.raises(Refused, match="`ben` last wrote its code or config"):
        approving.approve(site.desk("ben"), ONE)


class _Installed:
    """A model in a folder."""

    def __init__(self, folder: Path, site: Site) -> None:
        self.folder, self.declaration = folder, site.declaration()


def test_a_person_has_one_name(site: Site) -> None:
    persons = site.gates.people.persons
    second = persons[1].model_copy(update={"name": "benedict", "keys": (), "email": "ADA@example.com"})
    with pytest.raises(WrongUse, match="`benedict` and `ada` have the same e-mail address"):
        People((*persons, second))
    People((*persons, second.model_copy(update={"email": None})))


def test_a_tag_set_by_hand_gets_no_registered_version_deleted_or_taken(site: Site) -> None:
    first = site.version("a").record
    second = site.version("b").record
    made = site.bundle("c")
    site.judge(made)
    registry = site.gates.registry
    registry.tag(MODEL, second.number, {"bundle": first.bundle})
    assert register(site.desk("finn"), site.registration(site.bundle("a"))).how == "found"
    registry.tag(MODEL, second.number, {"bundle": made.digest})
    assert register(site.desk("finn"), site.registration(made)).record.number == "3"
    assert [one.number for one in registry.versions(MODEL)] == ["3", "2", "1"]


def test_a_version_that_somebody_made_in_mlflow_with_files_of_their_own_is_not_adopted(site: Site) -> None:
    made = site.bundle("a")
    site.judge(made)
    registry = site.gates.registry
    registry.create_version(MODEL, source="slipway:/theirs", run_id="", description="", tags={"bundle": made.digest})
    record = register(site.desk("finn"), site.registration(made)).record
    assert [(one.number, one.source) for one in registry.versions(MODEL)] == [
        (record.number, f"slipway:/bundles/{made.digest}.json")
    ]


def test_what_people_write_does_not_steer_a_terminal(site: Site) -> None:
    site.version("a")
    said = approving.comment(site.desk("finn"), ONE, reason="fine\x1b[2K\rapproved by ben").written
    assert "\x1b" not in cards.said(said)
    assert "approved by ben" in cards.said(said)


def test_an_older_verdict_that_passed_does_not_hide_a_newer_one(site: Site) -> None:
    record = site.version("a").record
    approving.approve(site.desk("ben"), ONE)
    site.judge(site.bundle("a"), gates="1" * 64, passed=False)
    with pytest.raises(Refused, match="was judged again"):
        approving.approve(site.desk("cleo"), ONE, verdict=record.verdict)
    desk = site.desk("dora")
    about = About(MODEL, record.bundle, "1", record.verdict)
    desk.ledger.append(about.decided(Action.PROMOTE, actor="dora", nonce="n"), desk.signer)
    assert site.gates.standing(MODEL).champion is None


def test_a_rollback_does_not_bring_a_quarantined_version_back(site: Site) -> None:
    first = champion(site)
    site.version("b", champion=first)
    approving.approve(site.desk("ben"), TWO)
    promoting.promote(site.desk("dora"), TWO)
    promoting.rollback(site.desk("dora"), MODEL, reason="wrong at night")
    with pytest.raises(Refused, match="is quarantined"):
        promoting.rollback(site.desk("dora"), MODEL, to="2", reason="after all")
    assert site.gates.standing(MODEL).champion == first


def test_a_rollback_passes_over_a_rejected_version_unless_it_is_named(site: Site) -> None:
    first = champion(site)
    site.version("b", champion=first)
    approving.approve(site.desk("ben"), TWO)
    promoting.promote(site.desk("dora"), TWO)
    approving.reject(site.desk("cleo"), ONE, reason="blurred plates")
    with pytest.raises(Refused, match="nothing to go back to"):
        promoting.rollback(site.desk("dora"), MODEL, reason="wrong at night")
    promoting.rollback(site.desk("dora"), MODEL, to="1", reason="wrong at night, and 1 is the lesser evil")
    assert site.gates.standing(MODEL).champion == first


def test_an_old_request_made_again_after_it_was_taken_back_is_told_and_counts_for_nothing(site: Site) -> None:
    first = champion(site)
    site.version("b", champion=first)
    approving.approve(site.desk("ben"), TWO, request="r-1")
    promoting.promote(site.desk("dora"), TWO, request="r-2")
    promoting.rollback(site.desk("dora"), MODEL, reason="wrong at night")
    with pytest.raises(Refused, match="does not count any more"):
        approving.approve(site.desk("ben"), TWO, request="r-1")
    approving.approve(site.desk("ben"), TWO)
    with pytest.raises(Refused, match="is champion no more"):
        promoting.promote(site.desk("dora"), TWO, request="r-2")
    assert site.gates.standing(MODEL).champion == first


@pytest.mark.parametrize("moved", ["2", None])
def test_an_alias_that_was_moved_by_hand_is_left_to_the_guard(site: Site, moved: str | None) -> None:
    first = champion(site)
    site.version("b", champion=first)
    registry, before = site.gates.registry, last_settled(site.gates.store, MODEL)
    if moved:
        registry.set_alias(MODEL, "champion", moved)
    else:
        registry.delete_alias(MODEL, "champion")
    approving.comment(site.desk("finn"), ONE, reason="look at bay 7")
    assert registry.aliases(MODEL).get("champion") == moved
    assert last_settled(site.gates.store, MODEL) == before


def test_an_alias_whose_note_is_missing_follows_the_ledger_all_the_same(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = champion(site)
    site.version("b", champion=first)
    approving.approve(site.desk("ben"), TWO)
    with monkeypatch.context() as killed:
        killed.setattr(shown, "note_settled", lambda *_: None)
        promoting.promote(site.desk("dora"), TWO)
    promoting.rollback(site.desk("dora"), MODEL, reason="wrong at night")
    assert site.gates.registry.aliases(MODEL) == {"champion": "1"}


def test_approving_the_champion_again_is_no_error(site: Site) -> None:
    champion(site)
    before = len(list(site.gates.ledger.entries()))
    assert approving.approve(site.desk("ben"), ONE, reason="again").before
    assert len(list(site.gates.ledger.entries())) == before
    with pytest.raises(Refused, match="is champion already"):
        approving.approve(site.desk("cleo"), ONE)
