"""Flows over steps: what is handed on, where a flow ends, and what is said of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from slipway.pipelines.cli import flow_showing
from slipway.pipelines.flows import planning, running
from slipway.pipelines.flows.running import Ran
from slipway.pipelines.flows.table import FLOWS, steps_of
from slipway.pipelines.steps.site import Site
from slipway.pipelines.steps.step import Ask, How, Tell, Told, Values
from slipway.pipelines.steps.work import LeftRunning
from slipway.platform.errors import SlipwayError, WrongUse
from slipway.serving.bundle.folder import BadBundle

ASK = Ask(model="vehicle-reid")
NAMES = steps_of("retrain")


@dataclass(frozen=True)
class Scripted:
    """A step that tells what a test says, or raises it."""

    name: str
    answers: Mapping[str, Told | BaseException]
    given: dict[str, Values] = field(default_factory=dict)

    def look(self, site: Site, ask: Ask, given: Values) -> Told:
        del site, ask
        self.given[self.name] = given
        answer = self.answers.get(self.name) or Told(step=self.name, how=How.FOUND, line=f"{self.name} is there.")
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def do(self, site: Site, ask: Ask, given: Values, tell: Tell) -> Told:
        tell("looking")
        return self.look(site, ask, given)


@dataclass
class Heard:
    """A display that keeps what it is told."""

    said: list[str] = field(default_factory=list)

    def begin(self, step: str) -> None:
        self.said.append(f"> {step}")

    def note(self, line: str) -> None:
        self.said.append(line)

    def end(self, told: Told) -> None:
        self.said.append(f"< {told.step}")


Script = Callable[..., dict[str, Values]]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Let steps answer so; the values that each was given."""

    def scripted(**answers: Told | BaseException) -> dict[str, Values]:
        given: dict[str, Values] = {}
        for module in (running, planning):
            monkeypatch.setattr(module, "step_named", lambda name: Scripted(name, answers, given))
        return given

    return scripted


def ran(flow: str = "retrain", ask: Ask = ASK) -> Ran:
    return running.run(Site.__new__(Site), flow, ask, Heard())


def told(step: str, how: How, **more: Any) -> Told:
    return Told(step=step, how=how, line=f"{step} is {how}.", **more)


def test_each_step_is_given_what_all_before_it_told(script: Script) -> None:
    given = script(
        snapshot=told("snapshot", How.FOUND, values={"snapshot": "5"}),
        train=told("train", How.DONE, values={"run": "r1-0"}, cost=Decimal(2), currency="EUR", seconds=3.0),
    )
    result = ran()
    assert given["snapshot"] == {}
    assert given["promote"] == {"snapshot": "5", "run": "r1-0"}
    assert (result.left, result.nothing_done, dict(result.costs), result.seconds) == ((), False, {"EUR": Decimal(2)}, 3)


@pytest.mark.parametrize("how", [How.WAITING, How.REFUSED, How.UNDER_WAY, How.SKIPPED])
def test_a_step_that_does_not_go_on_ends_the_flow(script: Script, how: How) -> None:
    given = script(approve=told("approve", how))
    result = ran()
    assert (result.last.how, list(result.left)) == (how, ["promote"])
    assert "promote" not in given


def test_a_failure_is_told_with_what_was_done_before(script: Script) -> None:
    script(export=SlipwayError("The disk is full.", mend="Free space."))
    result = ran()
    assert isinstance(result.error, SlipwayError)
    assert [one.step for one in result.told] == ["snapshot", "validate", "train", "export"]
    assert (result.last.line, result.nothing_done) == ("The disk is full.", False)
    script(export=BadBundle("model.fp32.onnx is no ONNX."))
    assert isinstance(ran().error, BadBundle)


def test_whoever_stops_looking_on_hears_that_the_work_goes_on(script: Script) -> None:
    script(train=LeftRunning("quiet-heron-412", "r1-0"))
    result = ran()
    assert (result.interrupted, result.last.how, result.last.work) == (True, How.UNDER_WAY, "r1-0")
    assert "quiet-heron-412 goes on" in result.last.line
    script(validate=KeyboardInterrupt())
    assert ran().last.how is How.TO_DO


def test_causes_are_looked_at_only_where_nobody_asks() -> None:
    assert steps_of("retrain", "drift") == ("cause", *NAMES)
    assert "cause" not in NAMES
    with pytest.raises(WrongUse) as refused:
        steps_of("retrian")
    assert "retrain" in (refused.value.mend or "")
    assert {"retrain", "rollout"} <= FLOWS.keys()


def test_what_is_not_needed_ends_the_flow_with_why(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    cause = Told(step="cause", how=How.SKIPPED, line="not retrained: only the lock changed")
    script(cause=cause)
    result = ran(ask=Ask(model="vehicle-reid", cause="schedule"))
    flow_showing.show_ran(result)
    assert "Nothing was to be done: not retrained: only the lock changed." in capsys.readouterr().out


def test_a_summary_says_what_was_done_what_it_cost_and_where_to_look(
    script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    script(
        train=told("train", How.DONE, cost=Decimal("1.5"), currency="EUR", seconds=61.0, links={"the run": "show it"}),
        approve=told("approve", How.WAITING, mend="Somebody approves it."),
    )
    flow_showing.show_ran(ran())
    said = capsys.readouterr()
    row = next(line for line in said.out.splitlines() if line.startswith("train"))
    assert row.split() == ["train", "done", "train", "is", "done.", "EUR", "1.50", "1", "min", "01", "s"]
    assert "the run  show it" in said.out
    assert "It waits: approve is waiting. (1 min 01 s, EUR 1.50)" in said.out
    assert said.out.count("promote") == 1
    assert "Somebody approves it." in said.err


def test_a_pipe_hears_only_of_steps_that_do_something(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    script(train=told("train", How.DONE))
    with flow_showing.display() as shown:
        running.run(Site.__new__(Site), "rollout", ASK, shown)
        shown.begin("train")
        shown.end(told("train", How.DONE))
    said = capsys.readouterr().err
    assert said.splitlines() == ["rollout: looking", "train: done. train is done."]


def test_a_plan_says_what_comes_next_and_what_it_would_cost(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    script(train=told("train", How.TO_DO, cost=Decimal("0.52"), currency="USD"), export=told("export", How.TO_DO))
    outlook = planning.plan(Site.__new__(Site), "retrain", ASK)
    assert outlook.next is not None
    assert (outlook.next.step, outlook.price) == ("train", (Decimal("0.52"), "USD"))
    assert [one.step for one in outlook.told] == list(NAMES)
    flow_showing.show_outlook(outlook)
    said = capsys.readouterr().out
    assert "retrain of vehicle-reid: train: train is to do." in said
    assert "at most USD 0.52" in said
    assert flow_showing.outlook_data(outlook)["next"] == "train"
    script(rollout=told("rollout", How.TO_DO))
    flow_showing.show_outlook(planning.plan(Site.__new__(Site), "rollout", ASK))
    assert "rollout of vehicle-reid: rollout is to do." in capsys.readouterr().out


def test_a_plan_says_what_would_be_done_where_nobody_asks(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    cause = Told(step="cause", how=How.SKIPPED, line="not retrained: only the lock changed since version 3")
    script(train=told("train", How.TO_DO), cause=cause)
    flow_showing.show_outlook(planning.plan(Site.__new__(Site), "retrain", ASK))
    assert "Where nobody asks: not retrained: only the lock changed since version 3." in capsys.readouterr().out
    script(cause=SlipwayError("The snapshot is gone."))
    assert planning.plan(Site.__new__(Site), "retrain", ASK).unasked == ""
    script(train=told("train", How.TO_DO), cause=SlipwayError("The snapshot is gone."))
    assert planning.plan(Site.__new__(Site), "retrain", ASK).unasked == "nobody can say: The snapshot is gone."


def test_a_plan_of_what_is_all_there_or_would_fail_says_so(script: Script) -> None:
    script()
    assert planning.plan(Site.__new__(Site), "retrain", ASK).line.startswith("Nothing would be done")
    script(validate=SlipwayError("The shard is gone."))
    outlook = planning.plan(Site.__new__(Site), "retrain", ASK)
    assert (outlook.line, outlook.next) == ("It would fail: The shard is gone.", None)
    assert [one.step for one in outlook.told] == ["snapshot"]
