"""Submitting a model's training, in Python and for the command: from a model, overrides and a target to work that runs.

    from slipway.training.submitting import submit

    submitted = submit("bay-occupancy", ["trainer.max_epochs=2"], on="local", nodes=2, wait=True)
    submitted.how, submitted.name, submitted.standing.state

What the target decides of the config follows from it: `runtime.target`; `trainer.accelerator`, the kind of device that
is part of the run key; and `trainer.processes`, one for each device of each node, unless the config says a number.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import WrongUse
from slipway.platform.jobs.api import Desk, wait_at
from slipway.platform.jobs.asking import submitted_by
from slipway.platform.jobs.availability import accelerator_of
from slipway.platform.jobs.submitting.planning import Planned, plan
from slipway.platform.jobs.submitting.starting import Request
from slipway.platform.jobs.submitting.submission import Submitted
from slipway.platform.jobs.submitting.submission import submit as submit_planned
from slipway.platform.jobs.targets import check_nodes, named_target
from slipway.platform.jobs.watching import SILENT, Watcher
from slipway.platform.runs.code.revision import revision_of
from slipway.platform.settings.schema import Target
from slipway.training.config.compose import DEFAULT, Composed, compose
from slipway.training.config.schema import CPU

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

PROCESSES: Final = "trainer.processes"
ACCELERATOR: Final = "trainer.accelerator"
PLACE: Final = "runtime.target"
_SAID: Final = re.compile(r"^`[^`]*`: ")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Where, and on how many machines."""

    name: str
    target: Target
    nodes: int = 1

    @property
    def processes(self) -> int:
        """One for each device; one for each node without any."""
        return self.nodes * max(1, self.target.gpus)


def composed_for(model: str, overrides: Sequence[str], shape: Shape) -> Composed:
    """The config of a run on a target."""
    asked = compose(model, overrides)
    said_place = asked.config.get("runtime", {}).get("target")
    if _is_given(asked, PLACE, overrides) and said_place != shape.name:
        raise WrongUse(
            f"{PLACE} is `{said_place}`, and the target is `{shape.name}`.",
            mend=f"Leave {PLACE} out: it follows from the target (`--on {shape.name}`).",
        )
    follow = [f"{PLACE}={shape.name}"]
    kind = accelerator_of(shape.target)
    if _is_given(asked, ACCELERATOR, overrides):
        _check_kind(str(asked.config["trainer"]["accelerator"]), kind, shape)
    else:
        follow.append(f"{ACCELERATOR}={kind}")
    if asked.origin.get(PROCESSES, DEFAULT) == DEFAULT:
        on_cpu = _is_given(asked, ACCELERATOR, overrides) and asked.config["trainer"]["accelerator"] == CPU
        follow.append(f"{PROCESSES}={shape.nodes if on_cpu else shape.processes}")
    try:
        return compose(model, [*overrides, *follow])
    except WrongUse as error:
        where = f"On `{shape.name}`, with {shape.nodes} node{'s' if shape.nodes > 1 else ''}"
        said = _SAID.sub("", str(error))
        raise WrongUse(
            f"{where}, {' and '.join(follow[1:])}: {said}",
            mend=error.mend or f"Another number of nodes, or {PROCESSES}=… and batch=… that go together.",
        ) from None


def plan_for(
    model: str,
    overrides: Sequence[str],
    desk: Desk,
    *,
    on: str,
    nodes: int = 1,
    snapshot: str | None = None,
) -> Planned:
    """Name the work of training a model on a target."""
    shape = Shape(name=on, target=named_target(on, desk.loaded.settings), nodes=nodes)
    check_nodes(on, shape.target, nodes)
    composed = composed_for(model, overrides, shape)
    return plan(composed.model, composed.config, desk.loaded, snapshot=snapshot)


def submit(  # noqa: PLR0913 - what a person may say
    model: str,
    overrides: Sequence[str] = (),
    *,
    on: str,
    nodes: int = 1,
    budget: Decimal | None = None,
    secrets: Sequence[str] = (),
    snapshot: str | None = None,
    name: str | None = None,
    note: str = "",
    tags: Mapping[str, str] | None = None,
    again: bool = False,
    wait: bool = False,
    watcher: Watcher = SILENT,
    folder: Path | str | None = None,
) -> Submitted:
    """Train a model on a target: started, attached to who is at it, or found done. With `wait`, seen to its end."""
    desk = Desk.at(folder)
    planned = plan_for(model, overrides, desk, on=on, nodes=nodes, snapshot=snapshot)
    request = request_of(desk.loaded, name=name, note=note, tags=tags or {}, again=again)
    submitted = submit_planned(
        planned,
        request,
        desk.loaded,
        target=on,
        nodes=nodes,
        budget=budget,
        secrets=secrets,
        patient=wait,
        watcher=watcher,
        store=desk.store,
    )
    if not wait or submitted.how == "found":
        return submitted
    return replace(submitted, standing=wait_at(desk, submitted.key, watcher))


def request_of(
    loaded: "Loaded", *, name: str | None = None, note: str = "", tags: Mapping[str, str], again: bool = False
) -> Request:
    """Who asks, at which revision, and what is said about it."""
    revision = revision_of(loaded.root)
    return Request(
        submitted_by(loaded.settings.identity),
        name=name,
        note=note,
        tags=tags,
        again=again,
        revision=str(revision),
        patch=revision.patch,
    )


def _is_given(composed: Composed, key: str, overrides: Sequence[str]) -> bool:
    """Whether the person says it here: a config's file does not know the target."""
    return composed.origin.get(key) in overrides


def _check_kind(given: str, kind: str, shape: Shape) -> None:
    """The kind of device names the run, so it is the one that the target has; a target with GPUs has a CPU as well."""
    if given not in (kind, CPU):
        raise WrongUse(
            f"trainer.accelerator is `{given}`; `{shape.name}` computes with `{kind}`.",
            mend="Leave trainer.accelerator out: it follows from the target.",
        )
