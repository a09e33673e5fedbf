"""The fold of the ledger: who is champion, whatever the entries' writers meant."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from slipway.platform.ledger.entry import Action, Decision, Entry, Written
from slipway.platform.registry.standing import ModelStanding, standing_of

A, B, C = "a" * 64, "b" * 64, "c" * 64
NUMBERS = {A: "1", B: "2", C: "3"}
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
Decide = Callable[..., None]


class Writer:
    """Writes entries, one a day."""

    def __init__(self) -> None:
        self.entries: list[Written] = []
        self.reason = "because"

    def decide(self, action: Action, by: str, details: dict[str, Any] | None = None, /, **subjects: str) -> Written:
        number = len(self.entries) + 1
        decision = Decision(
            action=action,
            model="birds",
            subjects=subjects,
            actor=by,
            nonce=str(number),
            reason=self.reason,
            details=details or {},
        )
        entry = Entry(number=number, previous="", at=START + timedelta(days=number - 1), decision=decision)
        self.entries.append(Written(entry, by, "d", f"{by}@example.com"))
        return self.entries[-1]

    def judge(self, bundle: str, key: str, against: str | None = None, *, passed: bool = True) -> None:
        champion = {"champion": against} if against else {}
        self.decide(Action.VERDICT, "gates", {"passed": passed}, bundle=bundle, verdict=key, **champion)

    def register(self, bundle: str, *, needed: int = 1, barred: tuple[str, ...] = ("ada",)) -> None:
        details = {"approvals": needed, "barred": list(barred)}
        self.decide(Action.REGISTER, "ada", details, bundle=bundle, version=NUMBERS[bundle])

    def say(self, action: Action, bundle: str, by: str, verdict: str = "") -> None:
        self.decide(action, by, bundle=bundle, version=NUMBERS[bundle], verdict=verdict)

    def promote(self, bundle: str, verdict: str, replaces: str | None = None, action: Action = Action.PROMOTE) -> int:
        told = {"replaces": replaces} if replaces else {}
        written = self.decide(action, "dora", bundle=bundle, version=NUMBERS[bundle], verdict=verdict, **told)
        return written.entry.number

    def ready(self, bundle: str, key: str, against: str | None = None) -> None:
        """Judged, registered and approved."""
        self.judge(bundle, key, against)
        self.register(bundle)
        self.say(Action.APPROVE, bundle, "ben", key)

    @property
    def standing(self) -> ModelStanding:
        return standing_of("birds", self.entries)


@pytest.fixture
def writer() -> Writer:
    return Writer()


def test_nothing_was_decided(writer: Writer) -> None:
    assert writer.standing == ModelStanding("birds")


def test_a_version_that_passed_is_challenger_and_then_champion(writer: Writer) -> None:
    writer.ready(A, "va")
    assert (writer.standing.champion, writer.standing.challenger) == (None, A)
    writer.promote(A, "va")
    assert (writer.standing.champion, writer.standing.challenger) == (A, None)
    (change,) = writer.standing.history
    assert (change.before, change.after, change.who, change.number) == (None, A, "dora", 4)


def test_entries_of_other_models_say_nothing(writer: Writer) -> None:
    writer.ready(A, "va")
    writer.promote(A, "va")
    assert standing_of("fish", writer.entries) == ModelStanding("fish")


def test_the_newest_that_passed_is_challenger(writer: Writer) -> None:
    writer.ready(A, "va")
    writer.ready(B, "vb")
    seen = [writer.standing.challenger]
    writer.judge(B, "vb2", passed=False)
    seen.append(writer.standing.challenger)
    writer.say(Action.REJECT, A, "ben", "va")
    seen.append(writer.standing.challenger)
    writer.say(Action.APPROVE, A, "ben", "va")
    seen.append(writer.standing.challenger)
    assert seen == [B, A, None, A]


def test_who_was_champion_is_challenger_only_with_a_newer_verdict(writer: Writer) -> None:
    writer.ready(A, "va")
    writer.promote(A, "va")
    writer.ready(B, "vb", A)
    writer.promote(B, "vb", A)
    assert (writer.standing.champion, writer.standing.challenger) == (B, None)
    writer.judge(A, "va2", B)
    assert writer.standing.challenger == A


def test_of_two_promotions_at_once_the_second_is_void(writer: Writer) -> None:
    writer.ready(A, "va")
    writer.promote(A, "va")
    writer.ready(B, "vb", A)
    writer.ready(C, "vc", A)
    writer.promote(B, "vb", A)
    late = writer.promote(C, "vc", A)
    assert writer.standing.champion == B
    why = writer.standing.why_void(late)
    assert why is not None
    assert "the champion was bundle bbbb" in why


def without_registration(writer: Writer) -> None:
    writer.judge(A, "va")


def without_verdict(writer: Writer) -> None:
    writer.register(A)
    writer.say(Action.APPROVE, A, "ben", "va")


def with_failed_verdict(writer: Writer) -> None:
    writer.judge(A, "va", passed=False)
    writer.register(A)
    writer.say(Action.APPROVE, A, "ben", "va")


def with_verdict_against_another(writer: Writer) -> None:
    writer.ready(A, "va", C)


def without_approval(writer: Writer) -> None:
    writer.judge(A, "va")
    writer.register(A)


def with_approval_of_the_trainer(writer: Writer) -> None:
    without_approval(writer)
    writer.say(Action.APPROVE, A, "ada", "va")


def with_one_of_two(writer: Writer) -> None:
    writer.judge(A, "va")
    writer.register(A, needed=2)
    writer.say(Action.APPROVE, A, "ben", "va")
    writer.say(Action.APPROVE, A, "ben", "va")


def with_approval_on_another_verdict(writer: Writer) -> None:
    without_approval(writer)
    writer.say(Action.APPROVE, A, "ben", "v0")


def with_withdrawn_approval(writer: Writer) -> None:
    writer.judge(A, "va")
    writer.register(A, needed=1)
    writer.say(Action.APPROVE, A, "ben", "va")
    writer.say(Action.REJECT, A, "ben", "va")


def with_approval_of_who_registered_it(writer: Writer) -> None:
    writer.judge(A, "va")
    writer.register(A, barred=())
    writer.say(Action.APPROVE, A, "ada", "va")


def with_approval_of_a_writer_known_by_mail(writer: Writer) -> None:
    writer.judge(A, "va")
    writer.register(A, barred=("Ben@example.com",))
    writer.say(Action.APPROVE, A, "ben", "va")


def with_no_approvals_asked_for(writer: Writer) -> None:
    writer.judge(A, "va")
    writer.register(A, needed=0)


def with_a_later_verdict_that_failed(writer: Writer) -> None:
    writer.ready(A, "va")
    writer.judge(A, "va2", passed=False)


def with_rejection(writer: Writer) -> None:
    writer.ready(A, "va")
    writer.say(Action.REJECT, A, "cleo", "va")


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        (without_registration, "names no version"),
        (without_verdict, "no passing verdict"),
        (with_failed_verdict, "no passing verdict"),
        (with_verdict_against_another, "was given against bundle cccc"),
        (without_approval, "0 of 1 approvals"),
        (with_approval_of_the_trainer, "0 of 1 approvals"),
        (with_one_of_two, "1 of 2 approvals"),
        (with_approval_on_another_verdict, "0 of 1 approvals"),
        (with_approval_of_who_registered_it, "0 of 1 approvals"),
        (with_approval_of_a_writer_known_by_mail, "0 of 1 approvals"),
        (with_no_approvals_asked_for, "0 of 1 approvals"),
        (with_a_later_verdict_that_failed, "is not the newest"),
        (with_withdrawn_approval, "rejected by ben"),
        (with_rejection, "rejected by cleo"),
    ],
)
@pytest.mark.parametrize("action", [Action.PROMOTE, Action.ACCEPT])
def test_a_promotion_without_all_it_needs_is_void(
    writer: Writer, prepare: Callable[[Writer], None], told: str, action: Action
) -> None:
    prepare(writer)
    number = writer.promote(A, "va", action=action)
    assert writer.standing.champion is None
    assert told in str(writer.standing.why_void(number))


def test_an_override_needs_nothing_but_the_right_place_and_a_reason(writer: Writer) -> None:
    writer.judge(A, "va", passed=False)
    writer.register(A)
    writer.say(Action.REJECT, A, "ben")
    wrong = writer.promote(A, "va", replaces=B, action=Action.OVERRIDE)
    assert writer.standing.why_void(wrong)
    writer.reason = " "
    silent = writer.promote(A, "va", action=Action.OVERRIDE)
    assert "takes a reason" in str(writer.standing.why_void(silent))
    writer.reason = "it must be now"
    writer.promote(A, "va", action=Action.OVERRIDE)
    assert writer.standing.champion == A
    assert len(writer.standing.versions[A].overrides) == 1


def test_a_rollback_returns_the_earlier_one_and_quarantines_the_other(writer: Writer) -> None:
    writer.ready(A, "va")
    writer.promote(A, "va")
    writer.ready(B, "vb", A)
    writer.promote(B, "vb", A)
    writer.promote(A, "va", B, action=Action.ROLLBACK)
    assert writer.standing.champion == A
    assert writer.standing.challenger is None
    assert writer.standing.versions[B].state == "quarantined"
    back = writer.promote(B, "vb", A, action=Action.ROLLBACK)
    assert "quarantined" in str(writer.standing.why_void(back))
    again = writer.promote(B, "vb", A)
    assert "0 of 1 approvals" in str(writer.standing.why_void(again))
    writer.say(Action.APPROVE, B, "ben", "vb")
    writer.promote(B, "vb", A)
    assert writer.standing.champion == B
    assert writer.standing.versions[B].quarantined is None


@pytest.mark.parametrize("champion", [C, A])
def test_a_rollback_may_quarantine_what_devices_run_and_not_the_champion(writer: Writer, champion: str) -> None:
    """B is on its way to devices, and somebody else became champion meanwhile."""
    writer.ready(A, "va")
    writer.promote(A, "va")
    writer.ready(B, "vb", A)
    writer.promote(B, "vb", A)
    if champion == C:
        writer.ready(C, "vc", B)
    else:
        writer.judge(A, "va2", B)
        writer.say(Action.APPROVE, A, "ben", "va2")
    writer.promote(champion, "vc" if champion == C else "va2", B)
    before = len(writer.standing.history)
    writer.decide(Action.ROLLBACK, "dora", bundle=A, version="1", replaces=champion, undoes=B)
    standing = writer.standing
    assert (standing.champion, standing.void) == (A, ())
    assert {one.bundle for one in standing.versions.values() if one.quarantined} == {B}
    assert len(standing.history) == before + (champion == C)
    again = writer.promote(B, "vb", A)
    assert "0 of 1 approvals" in str(writer.standing.why_void(again))


@pytest.mark.parametrize(("bundle", "replaces"), [(C, A), (A, B), (A, A), (B, None)])
def test_a_rollback_that_does_not_fit_is_void(writer: Writer, bundle: str, replaces: str | None) -> None:
    writer.ready(A, "va")
    writer.promote(A, "va")
    writer.ready(B, "vb", A)
    number = writer.promote(bundle, "v", replaces, action=Action.ROLLBACK)
    assert writer.standing.champion == A
    assert writer.standing.why_void(number)


def test_a_bundle_is_one_version_and_a_version_one_bundle(writer: Writer) -> None:
    writer.register(A)
    writer.register(A)
    writer.decide(Action.REGISTER, "ada", bundle=B, version="1")
    assert [one.number for one in writer.standing.versions.values()] == ["1"]
    assert len(writer.standing.void) == 2


def test_champion_of_a_day_is_that_of_its_end(writer: Writer) -> None:
    writer.ready(A, "va")  # 1, 2, 3 March
    writer.promote(A, "va")
    writer.ready(B, "vb", A)
    writer.promote(B, "vb", A)
    standing = writer.standing
    assert standing.champion_on(date(2026, 3, 3)) is None
    day = standing.champion_on(date(2026, 3, 4))
    assert day is not None
    assert day.after == A
    assert standing.champion_on(datetime(2026, 3, 8, 11, tzinfo=UTC)) == day
    last = standing.champion_on(date(2026, 3, 8))
    assert last is not None
    assert last.after == B


def test_words_on_versions_are_kept_beside_them(writer: Writer) -> None:
    writer.register(A)
    for action in (Action.COMMENT, Action.REFUSE, Action.RESTORE):
        writer.say(action, A, "cleo")
    writer.decide(Action.RESTORE, "guard")
    version = writer.standing.versions[A]
    assert (len(version.comments), len(version.refusals), len(version.restorations)) == (1, 1, 1)
    assert not writer.standing.void
    writer.decide(Action.APPROVE, "ben", bundle=A, version="7")
    assert "names no version" in str(writer.standing.why_void(6))
