"""The flows of each model: how each went last, and how it stands.

Nothing is remembered of flows: what they made is in the store, the ledger and MLflow, and what they are is told from
there. So a flow that was run step by step, by a scheduler, or by commands, is listed alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from slipway.pipelines.flows.running import TROUBLE
from slipway.pipelines.flows.table import FLOWS, RETRAIN, ROLLOUT
from slipway.platform.cli.failure import failure_of

if TYPE_CHECKING:
    from slipway.pipelines.steps.site import Site
    from slipway.platform.registry.standing import ModelStanding, VersionStanding
    from slipway.platform.runs.entries import Entry

COLUMNS = ("model", "flow", "last", "at", "how it stands")


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A flow of a model."""

    model: str
    flow: str
    last: str = ""
    """What it made last: a run, a release."""
    at: datetime | None = None
    stands: str = "never run"

    @property
    def row(self) -> list[str]:
        """The cells of a table."""
        return [self.model, self.flow, self.last, f"{self.at:%Y-%m-%d %H:%M}" if self.at else "", self.stands]

    def as_data(self) -> dict[str, Any]:
        """For scripts."""
        told = {"model": self.model, "flow": self.flow, "last": self.last or None, "at": self.at}
        return {**told, "stands": self.stands, "steps": list(FLOWS[self.flow])}


def listed(site: "Site", models: "list[str]") -> Iterator[Listed]:
    """Every flow of these models; one of which nothing can be said keeps no other from being listed."""
    for model in models:
        for flow in FLOWS:
            try:
                yield HOW.get(flow, _looked)(site, model, flow)
            except TROUBLE as error:
                yield Listed(model=model, flow=flow, stands=f"nobody can say: {failure_of(error).message}")


def _retrained(site: "Site", model: str, flow: str) -> Listed:
    """By its newest training."""
    from slipway.platform.jobs.advising import TRAINING
    from slipway.platform.runs import index

    entry = next((one for one in index.entries(site.store, model=model) if one.kind == TRAINING), None)
    if entry is None:
        return Listed(model=model, flow=flow)
    stands = _since_training(site, entry, site.desk.standing(model))
    return Listed(model=model, flow=flow, last=entry.name, at=entry.ended or entry.created, stands=stands)


def _since_training(site: "Site", entry: "Entry", standing: "ModelStanding") -> str:
    from slipway.platform.registry.exports import exported
    from slipway.platform.runs.records import State
    from slipway.platform.runs.standing import standing as look

    state = entry.state if entry.ended else look(site.store, entry.key, site.here).state
    if state is not State.DONE:
        return f"training is {state}"
    there = exported(site.store, entry.key)
    if there is None:
        return "trained, not exported"
    verdicts = standing.verdicts.get(there.bundle, ())
    if not verdicts:
        return "exported, not judged"
    version = standing.versions.get(there.bundle)
    if version is None:
        return "passed its gates, not registered" if verdicts[-1].passed else "failed its gates"
    return f"version {version.number}: {_since_registered(version, standing)}"


def _since_registered(version: "VersionStanding", standing: "ModelStanding") -> str:
    if standing.champion == version.bundle:
        return "champion"
    if version.quarantined or version.rejections:
        return version.state
    if version.bundle in {change.before for change in standing.history}:
        return "was champion"
    given = version.verdict_against(standing.champion)
    if given is None:
        return "not judged against today's champion"
    if not given.passed:
        return "failed against today's champion"
    approved = len(version.approvers(given.key))
    if approved < version.needed:
        return f"waits for approval, {approved} of {version.needed}"
    return "approved, not champion yet"


def _released(site: "Site", model: str, flow: str) -> Listed:
    """By its newest release."""
    from slipway.serving.release import wording
    from slipway.serving.release.folding import load_rollout

    rollout, standing = load_rollout(site.desk, model)
    newest = rollout.newest
    if newest is None:
        waits = "the champion was not released yet" if standing.champion else "never run"
        return Listed(model=model, flow=flow, stands=waits)
    behind = "; today's champion was not released yet" if newest.bundle != standing.champion else ""
    at = (newest.finished or newest.written).entry.at
    last = f"release {newest.number}"
    return Listed(model=model, flow=flow, last=last, at=at, stands=f"{wording.standing(rollout)}{behind}")


def _looked(site: "Site", model: str, flow: str) -> Listed:
    """By what its one step says when it looks."""
    from slipway.pipelines.steps.step import Ask
    from slipway.pipelines.steps.table import step_named

    told = step_named(FLOWS[flow][0]).look(site, Ask(model=model), {})
    return Listed(model=model, flow=flow, stands=f"{told.how}: {told.line}")


HOW: Final = {RETRAIN: _retrained, ROLLOUT: _released}
"""By what other flows than those of one step are told."""
