"""The step `watch`: whether a model's field has moved, and what is done about it.

Drift raises an alarm once, tells a notice, and where people have not labelled enough since, opens a labelling task and
says how many labels are missing. Only then, and when they are there, is drift a cause to train.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from slipway.pipelines.steps.site import Site
from slipway.pipelines.steps.step import Ask, How, Tell, Told, Values

if TYPE_CHECKING:
    from slipway.pipelines.watching.answering import Answered
    from slipway.pipelines.watching.found import Found

NAME: Final = "watch"
REPORTS: Final = ".slipway/reports"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class WatchStep:
    """Looks at what devices told."""

    now: Callable[[], datetime] = _now
    name: str = NAME

    def look(self, site: Site, ask: Ask, given: Values) -> Told:
        """What the last look came to."""
        del given  # it begins with what devices told
        from slipway.pipelines.watching.looks import load_look

        last = load_look(site.store, ask.model)
        if last is None:
            return Told(step=NAME, how=How.TO_DO, line=f"{ask.model} was never watched.")
        values = {"release": str(last.release)}
        return Told(
            step=NAME, how=How.TO_DO, line=f"Looked last on {last.at:%Y-%m-%d %H:%M}: {last.line}", values=values
        )

    def do(self, site: Site, ask: Ask, given: Values, tell: Tell) -> Told:
        """Look, and do what follows."""
        from slipway.pipelines.watching.answering import answer, calm
        from slipway.pipelines.watching.found import look_at

        begun, now = time.monotonic(), self.now()
        found = look_at(site, ask.model, now, tell)
        if isinstance(found, str):
            return Told(step=NAME, how=How.SKIPPED, line=found, seconds=time.monotonic() - begun)
        links = {"picture": _picture(site, ask.model, found)}
        if found.drift:
            done = answer(site, ask.model, found, now, given.get("snapshot") or ask.snapshot)
            return _drift(ask.model, found, done, links, time.monotonic() - begun)
        calm(site, ask.model, found, now)
        mend = next((f"`slipway fleet show {one.devices[0]}`" for one in found.judged.cameras if one.devices), "")
        values = {"release": str(found.field.release.number)}
        seconds = time.monotonic() - begun
        return Told(step=NAME, how=How.DONE, line=found.line, values=values, links=links, seconds=seconds, mend=mend)


def _drift(model: str, found: "Found", done: "Answered", links: dict[str, str], seconds: float) -> Told:
    release = found.field.release.number
    line = f"drift of release {release}: {found.line}"
    values = {"release": str(release)}
    if done.task is not None:
        values["task"] = done.task.task.short
        links["labelling task"] = f"slipway data label show {done.task.task.short}"
    if done.missing:
        line += f"; {done.missing:,} labels are missing, task {values['task']}"
        mend = f"`{links['labelling task']}` tells what to label; drift without labels trains nothing."
    else:
        line += f"; people labelled {done.labelled:,} rows since the model was made"
        values["cause"] = "drift"
        mend = f"`slipway flow run retrain {model} --cause drift`"
    if not done.new:
        line += f" (alarm of {done.alarm.at:%Y-%m-%d})"
    how = How.DONE if done.new else How.FOUND
    return Told(step=NAME, how=how, line=line, values=values, links=links, seconds=seconds, mend=mend)


def _picture(site: Site, model: str, found: "Found") -> str:
    """What moved, drawn; the last one takes the place of the one before."""
    from slipway.pipelines.watching.picture import draw

    release, days = found.field.release.number, found.field.days
    path = site.root / REPORTS / f"drift-{model}-{release}.png"
    title = f"{model}, release {release}, {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}"
    draw(path, title, found.judged, found.expected, (found.field.recent, found.field.first))
    return str(path)


STEP: Final = WatchStep()
