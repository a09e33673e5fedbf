"""The step `gate`, where the store knows the answer: no command is run, and what failed is refused."""

from collections.abc import Callable

import pytest

from releasing import Site
from slipway.pipelines.steps.gate import GateStep
from slipway.pipelines.steps.memo import Memo
from slipway.pipelines.steps.site import Site as StepSite
from slipway.pipelines.steps.step import Ask, How, Values

SNAPSHOT = "d" * 64
AsWho = Callable[[str], StepSite]


class Remembering(Memo):
    """A memo that remembers one thing, whatever is asked."""

    told: Values | None = None

    def recall(self, *_: object) -> Values | None:
        return self.told


def silent(_: str) -> None:
    """Nobody listens."""


@pytest.fixture
def remembered(acting: AsWho, monkeypatch: pytest.MonkeyPatch) -> Callable[[Values | None], StepSite]:
    """Where steps work, with a memo of this; a command would be an error."""

    def site(told: Values | None) -> StepSite:
        found = acting("gates")
        memo = Remembering(found.loaded, None)  # type: ignore[arg-type]
        memo.told = told
        monkeypatch.setattr(StepSite, "memo", lambda *_: memo)
        monkeypatch.setattr(StepSite, "slipway", lambda *_, **__: pytest.fail("a command was run"))
        return found

    return site


def test_a_verdict_that_was_found_before_is_found_without_a_command(
    site: Site, remembered: Callable[[Values], StepSite], ask: Ask
) -> None:
    made = site.bundle("a")
    verdict = site.judge(made)
    given = {"bundle": made.digest, "snapshot": SNAPSHOT}
    told = GateStep().do(remembered({"verdict": verdict.key}), ask, given, silent)
    assert (told.how, dict(told.values)) == (How.FOUND, {"verdict": verdict.key})
    assert "Passed against no champion" in told.line


def test_a_failed_gate_is_refused_with_what_failed(
    site: Site, remembered: Callable[[Values], StepSite], ask: Ask
) -> None:
    made = site.bundle("a")
    verdict = site.judge(made, passed=False)
    given = {"bundle": made.digest, "snapshot": SNAPSHOT}
    for told in (
        GateStep().do(remembered({"verdict": verdict.key}), ask, given, silent),
        GateStep().look(remembered(None), ask, given),  # type: ignore[arg-type]
    ):
        assert told.how is How.REFUSED
        assert "accuracy is 0.2, at least 0.8." in told.line
        assert told.mend.startswith("Train a better one")


def test_a_memo_of_what_the_ledger_does_not_tell_or_of_another_question_is_not_believed(
    site: Site, remembered: Callable[[Values], StepSite], ask: Ask
) -> None:
    made, other = site.bundle("a"), site.bundle("b")
    verdict = site.judge(other)
    given = {"bundle": made.digest, "snapshot": SNAPSHOT}
    for told in ({"verdict": verdict.key}, {"verdict": "0" * 64}, {}):
        with pytest.raises(pytest.fail.Exception, match="a command was run"):
            GateStep().do(remembered(told), ask, given, silent)
    of_others = {"bundle": other.digest, "snapshot": "e" * 64}
    with pytest.raises(pytest.fail.Exception, match="a command was run"):
        GateStep().do(remembered({"verdict": verdict.key}), ask, of_others, silent)
