"""A person who brings one retraining to all devices while processes die: looks, answers, and asks again.

They do what a person can do and nothing else: trigger the DAG again when a run has failed, answer an open page
until the answer holds, start a stack that is gone. They know no process.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from own_model import MODEL
from slipway.pipelines.local import standing
from whole_loop.killing import PHASES
from whole_loop.loop import AGENTS, PERSON, RETRAIN, ROLLOUT, Loop

OVER: Final = frozenset({"success", "skipped"})
ENDED: Final = frozenset({"success", "failed"})
PATIENCE_SECONDS: Final = 1200.0
LOOK_SECONDS: Final = 0.25
NOT_NOW: Final = (httpx.HTTPError, AssertionError, KeyError, ValueError)
"""What a server or a command is that has just been killed: asked again in the next round."""
RUNS: Final = 6
"""So often a run may fail and is triggered again."""
ROLLOUT_SECONDS: Final = 60.0
"""A champion that nobody releases for so long is looked after by `reconcile`, as every ten minutes."""


class TooLong(Exception):
    """It did not come to its end."""


@dataclass
class Driver:
    """Of one retraining with these overrides. `look` is called in every round, with the phase."""

    loop: Loop
    overrides: Sequence[str]
    look: Callable[[str], None] = lambda _: None
    runs: list[str] = field(default_factory=list)
    states: Mapping[str, str] = field(default_factory=dict)
    _promoted: float = 0.0
    _trouble: str = ""
    """The last thing that was not to be had."""

    def drive(self) -> str:
        """Until all agents have settled on what comes of it: its bundle."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                if bundle := self._round():
                    return bundle
            except NOT_NOW as error:
                self._trouble = f"{type(error).__name__}: {error}"
            self.look(self.phase)
            time.sleep(LOOK_SECONDS)
        raise TooLong(f"not at its end after {PATIENCE_SECONDS:.0f} s: {self.told()}")

    @property
    def phase(self) -> str:
        """Where it is, as far as Airflow has told."""
        return next((phase for phase, tasks in PHASES.items() if not self._over(tasks)), "rollout")

    def told(self) -> str:
        """Its runs, and how the tasks of the last one stand."""
        return f"runs {self.runs}, tasks {dict(self.states)}; the last trouble: {self._trouble[:2000]}"

    def _over(self, tasks: Sequence[str]) -> bool:
        return bool(tasks) and all(self.states.get(task) in OVER for task in tasks)

    def _round(self) -> str:
        airflow = self.loop.airflow
        if not standing.runs(self.loop.place):
            self.loop.up()
        state = airflow.runs(RETRAIN).get(self.runs[-1]) if self.runs else "failed"
        if state == "failed":
            if len(self.runs) >= RUNS:
                raise TooLong(f"every run fails: {self.told()}")
            self.runs.append(airflow.trigger(RETRAIN, overrides=list(self.overrides)))
        run = self.runs[-1]
        self.states = airflow.states(RETRAIN, run)
        for task in ("approval", "approve"):
            if self.states.get(task) == "awaiting_input":
                self._answer(run, task)
        return self._released() if state == "success" else ""

    def _answer(self, run: str, task: str) -> None:
        if self.loop.airflow.page(RETRAIN, run, task):
            self.loop.airflow.answer(RETRAIN, run, task, "Approve", by=PERSON, reason="right by day and by night")

    def _released(self) -> str:
        """The bundle, when nothing is left to do."""
        airflow, now = self.loop.airflow, time.monotonic()
        self._promoted = self._promoted or now
        bundle = str(airflow.returned(RETRAIN, self.runs[-1], "export")["values"]["bundle"])
        if back := {name: one["why"] for name, one in devices(self.loop).items() if one.get("phase") == "reverted"}:
            raise TooLong(f"devices went back by themselves: {back}; {self.told()}")
        status = self.loop.ask("rollout", "status", MODEL)
        if not status["base"] or status["base"]["bundle"] != bundle:
            waits = not status["target"] or status["target"]["bundle"] != bundle
            if waits and now > self._promoted + ROLLOUT_SECONDS:
                self._promoted = now
                airflow.trigger("reconcile")
            return ""
        rests = all(state in ENDED for dag in (RETRAIN, ROLLOUT) for state in airflow.runs(dag).values())
        return bundle if rests and all(settled(one, bundle) for one in devices(self.loop).values()) else ""


def devices(loop: Loop) -> dict[str, Mapping[str, Any]]:
    """How each agent stands with the model."""
    found = {one["id"]: one["running"] for one in loop.ask("fleet", "list")["devices"]}
    return {name: next((one for one in found[name] if one["model"] == MODEL), {}) for name in AGENTS}


def settled(standing: Mapping[str, Any], bundle: str) -> bool:
    """Whether a device runs this for good."""
    return (standing.get("phase"), standing.get("bundle"), standing.get("bad")) == ("settled", bundle, [])
