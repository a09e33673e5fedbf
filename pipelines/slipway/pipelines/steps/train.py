"""The step `train`: a run of this model on this snapshot, attached to where somebody is at it, or found.

Which run it is follows from what is asked; `slipway submit` says so, because a config is composed where the training's
packages are. The run is seen through here.
"""

import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from slipway.pipelines.steps.given import later, needed
from slipway.pipelines.steps.site import Site
from slipway.pipelines.steps.step import Ask, How, Tell, Told, Values
from slipway.pipelines.steps.work import UNDER_WAY, check_answer, cost_of, result_of, see_through

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME: Final = "train"
RUN: Final = "run"
RUN_NAME: Final = "run_name"


@dataclass(frozen=True)
class TrainStep:
    """From a snapshot to a run with a result."""

    name: str = NAME

    def look(self, site: Site, ask: Ask, given: Values) -> Told:
        """Which run it is, whether it is there, and what it would cost."""
        if told := later(given, "snapshot", NAME) or _remembered(site, ask, given):
            return told
        answer = site.slipway(*_submit(ask, given), "--dry-run", tell=_nobody)
        if answer.code:
            raise answer.failed()
        return _foretold(site, answer.data)

    def do(self, site: Site, ask: Ask, given: Values, tell: Tell) -> Told:
        """Have it trained."""
        if told := _remembered(site, ask, given):
            return told
        begun = time.monotonic()
        answer = check_answer(site.slipway(*_submit(ask, given), "--yes", tell=tell))
        values = {RUN: answer["key"], RUN_NAME: answer["name"]}
        if answer["state"] in UNDER_WAY:
            if not ask.wait:
                return _under_way(answer)
            result_of(see_through(site, values[RUN], values[RUN_NAME], tell), values[RUN_NAME])
        _keep(site, ask, given, values)
        how, started = How.FOUND if answer["how"] == "found" else How.DONE, answer["how"] == "started"
        return _told(site, values, how, started=started, seconds=time.monotonic() - begun)


def _submit(ask: Ask, given: Values) -> list[str]:
    snapshot = needed(given, "snapshot", NAME)
    budget = ["--budget", ask.budget] if ask.budget else []
    return ["submit", ask.model, *ask.overrides, "--on", ask.target, "--snapshot", snapshot, *budget, "--json"]


def _nobody(_: str) -> None:
    """What is said on the way to a look is nobody's business."""


def _remembered(site: Site, ask: Ask, given: Values) -> Told | None:
    """The run that was found for the same before, if its result is there."""
    from slipway.platform.runs.results import load_result

    values = site.memo(ask.model).recall(NAME, ask, {"snapshot": needed(given, "snapshot", NAME)})
    if values is None or not {RUN, RUN_NAME} <= values.keys() or load_result(site.store, values[RUN]) is None:
        return None
    return _told(site, values, How.FOUND)


def _keep(site: Site, ask: Ask, given: Values, values: Values) -> None:
    """Remember it, unless its config refers to what may come to mean something else."""
    from slipway.platform.runs.find import load_parts

    if not load_parts(site.store, values[RUN]).references:
        site.memo(ask.model).keep(NAME, ask, {"snapshot": given["snapshot"]}, values)


def _foretold(site: Site, told: "Mapping[str, Any]") -> Told:
    """By what a submission would do."""
    from slipway.platform.runs.standing import standing

    now = standing(site.store, told["key"], site.here)
    name = now.spec.name if now.spec else ""
    if now.result is not None:
        return _told(site, {RUN: told["key"], RUN_NAME: name}, How.FOUND)
    if now.under_way:
        return _under_way({"key": told["key"], "name": name})
    price = told["price"]
    return Told(
        step=NAME,
        how=How.TO_DO,
        line=f"{told['standing']} It would run on {told['on']}: {_price(price)}.",
        cost=_most(price),
        currency=price["currency"],
        seconds=price["seconds"][1] if price["seconds"] else 0.0,
    )


def _price(price: "Mapping[str, Any]") -> str:
    """As far as earlier runs tell."""
    from slipway.platform.telling import duration, money

    hourly = Decimal(price["per_hour"])
    rate = f"{money(hourly, price['currency'])} an hour" if hourly else "free"
    if not price["seconds"]:
        return f"{rate}; no run of this model has ended yet to go by"
    low, high = map(duration, price["seconds"])
    span = low if low == high else f"{low} to {high}"
    if not hourly:
        return f"{rate}, {span}"
    least, most = (money(Decimal(one), price["currency"]) for one in price["cost"])
    return f"{least if least == most else f'{least} to {most}'}, {span}"


def _most(price: "Mapping[str, Any]") -> Decimal | None:
    return Decimal(price["cost"][1]) if price["cost"] else None


def _under_way(told: "Mapping[str, Any]") -> Told:
    name, key = told["name"], told["key"]
    return Told(
        step=NAME,
        how=How.UNDER_WAY,
        line=f"{name} is under way.",
        values={RUN: key, RUN_NAME: name},
        links=_links(name),
        work=key,
    )


def _told(site: Site, values: Values, how: How, *, started: bool = False, seconds: float = 0.0) -> Told:
    from slipway.platform.runs.judged import headline, measure
    from slipway.platform.runs.results import load_evaluation, load_result

    result = load_result(site.store, values[RUN])
    judged = headline(load_evaluation(site.store, result))
    what = f", {judged['metric']} {measure(judged)}" if judged else ""
    done = f", done {result.finished:%Y-%m-%d %H:%M}" if result and how is How.FOUND else ""
    cost, currency = cost_of(site, [values[RUN]]) if started else (None, "")
    return Told(
        step=NAME,
        how=how,
        line=f"{values[RUN_NAME]}{what}{done}.",
        values=values,
        links=_links(values[RUN_NAME]),
        cost=cost,
        currency=currency,
        seconds=seconds,
    )


def _links(name: str) -> dict[str, str]:
    return {"the run": f"slipway show {name}"}


STEP: Final = TrainStep()
