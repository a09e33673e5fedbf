"""Why a model is trained again without anybody asking, or why not: a pure function over what has changed.

A run that was woken (by new data, by labels, by drift, by the time) trains only for a cause that `model.yaml` names in
`retrain.on`. It always looks at all of them, so that a lost event costs nothing, and one that comes twice finds nothing
left to do:

- `drift`     the field is no longer what the model knows, and people have labelled as many rows since as are needed;
- `data`      the model's view of the snapshot has rows that it had not, or lacks some that it had;
- `labels`    rows that were there say something else now, or have got a label;
- `schedule`  the time has come, and anything at all has changed.

Code, configuration and the lock are no causes by themselves. Rows that the view does not choose are none either, nor
are rows without a label: nothing can be learned from those.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from slipway.pipelines.steps.step import Cause

if TYPE_CHECKING:
    from slipway.platform.data.chosen import Rows

NOT: Final = "not retrained: "
DUE: Final = "the time has come"


@dataclass(frozen=True, kw_only=True)
class Changed:
    """What is other now than when the model was made."""

    since: str
    """What it is compared with, as people know it: `version 3 (quiet-heron-412)`."""
    rows: "Rows"
    """How what the model's view chooses differs."""
    view: Collection[str] = ()
    config: Collection[str] = ()
    code: Collection[str] = ()
    lock: Collection[str] = ()
    """Names of what differs in each part of the run key."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """What was found of the release in the field, as long as it is the one that the model is compared with."""

    line: str
    """What moved and how much."""
    missing: int = 0
    """How many labels are asked for that nobody has given."""
    task: str = ""
    """The labelling task that was opened for it."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether it is trained, and why in a sentence."""

    line: str
    cause: Cause | None = None
    """None: it is not."""
    missing: int = 0
    """So many labels are missing until drift is a cause."""
    task: str = ""
    mend: str = ""

    @property
    def trains(self) -> bool:
        """Whether it is trained."""
        return self.cause is not None


def decide(
    on: Collection[str], woken: str, changed: Changed | None, drift: Drift | None = None, *, model: str = "MODEL"
) -> Decision:
    """`on` is `retrain.on`; `woken` is why the run began; `changed` is None where nothing was ever made."""
    if woken == Cause.ASKED:
        return Decision(cause=Cause.ASKED, line="trained because somebody asks for it")
    if not on:
        return Decision(line=f"{NOT}model.yaml names no cause in retrain.on")
    if changed is None:
        first = next((one for one in Cause if one in on), Cause.DATA)
        return Decision(cause=first, line="trained because it never was")
    found = _found(woken, changed, drift)
    if counting := [cause for cause in found if cause in on]:
        return Decision(cause=counting[0], line=f"retrained: {_counted(found, counting, changed.since)}")
    if drift is not None and Cause.DRIFT in on:
        return _waiting(drift, changed, model)
    if found:
        names = ", ".join(on)
        return Decision(line=f"{NOT}{' and '.join(found.values())} since {changed.since}, but retrain.on is {names}")
    return Decision(line=f"{NOT}{_otherwise(changed)}", mend=_asking(changed, model))


def _counted(found: Mapping[Cause, str], counting: Collection[Cause], since: str) -> str:
    """All that counts: when the time has come, anything that changed."""
    due = Cause.SCHEDULE in counting
    told = [told for cause, told in found.items() if cause is not Cause.SCHEDULE and (due or cause in counting)]
    if not told:
        return f"{found[Cause.SCHEDULE]} since {since}"
    return f"{', and '.join(told)} since {since}{f', and {DUE}' if due else ''}"


def _found(woken: str, changed: Changed, drift: Drift | None) -> dict[Cause, str]:
    """All causes that there are, each in words, in the order of `Cause`."""
    rows, found = changed.rows, dict[Cause, str]()
    if drift is not None and not drift.missing and rows.by_people:
        found[Cause.DRIFT] = f"{drift.line}, and people labelled {_rows(rows.by_people)}"
    if rows.added or rows.removed:
        parts = [f"{_rows(rows.added)} came"] if rows.added else []
        parts += [f"{_rows(rows.removed)} went"] if rows.removed else []
        found[Cause.DATA] = " and ".join(parts)
    if rows.relabelled:
        found[Cause.LABELS] = f"{_rows(rows.relabelled)} got another label"
    if woken == Cause.SCHEDULE and (found or _differing(changed)):
        found[Cause.SCHEDULE] = DUE if found else f"{DUE}, and {_differing(changed)} changed"
    return found


def _waiting(drift: Drift, changed: Changed, model: str) -> Decision:
    """Drift, and not enough that people labelled."""
    what = "drift" if changed.rows.by_people else "drift without newly labelled rows"
    count = f"{drift.missing:,} label{' is' if drift.missing == 1 else 's are'} missing"
    where = f", task {drift.task}" if drift.task else ""
    told = f"{what}: {count}{where}" if drift.missing else f"{what} since {changed.since}"
    mend = f"`slipway data label show {drift.task}` tells what to label." if drift.task else ""
    return Decision(
        line=f"{NOT}{told} ({drift.line})",
        missing=drift.missing,
        task=drift.task,
        mend=mend or f"`slipway flow run watch {model}` opens a labelling task.",
    )


def _otherwise(changed: Changed) -> str:
    """What did change, none of which is a cause."""
    rows, differing = changed.rows, _differing(changed)
    told = f"only {differing} changed since {changed.since}" if differing else ""
    aside = [f"{_rows(rows.unlabelled)} came without a label"] if rows.unlabelled else []
    aside += [f"{_rows(rows.confirmed)} were reviewed and left as they were"] if rows.confirmed else []
    if not (told or aside) and rows.elsewhere:
        return f"the data changed since {changed.since}, but not in what the model looks at"
    return "; ".join([*([told] if told else []), *aside]) or f"nothing changed since {changed.since}"


def _differing(changed: Changed) -> str:
    """Parts of the run key besides the data that differ, in words."""
    parts = {
        "the view": changed.view,
        "the config": changed.config,
        "code": changed.code,
        "the lock": changed.lock,
    }
    names = [name for name, differs in parts.items() if differs]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _asking(changed: Changed, model: str) -> str:
    return f"`slipway flow run retrain {model}` trains it all the same." if _differing(changed) else ""


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"
