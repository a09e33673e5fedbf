"""The step `export`: the bundle of a run, made as work of its own on the target, or found."""

import time
from dataclasses import dataclass
from typing import Any, Final

from slipway.pipelines.steps.given import later, needed
from slipway.pipelines.steps.site import Site
from slipway.pipelines.steps.step import Ask, How, Tell, Told, Values
from slipway.pipelines.steps.work import UNDER_WAY, check_answer, cost_of, result_of, see_through

NAME: Final = "export"
RUN: Final = "run"
BUNDLE: Final = "bundle"
WORK: Final = "work"
DIGITS: Final = 12


@dataclass(frozen=True)
class ExportStep:
    """From a run to a bundle."""

    name: str = NAME

    def look(self, site: Site, ask: Ask, given: Values) -> Told:
        """Whether the run was exported."""
        from slipway.platform.registry.exports import exported

        if told := later(given, RUN, NAME) or _remembered(site, ask, given):
            return told
        there = exported(site.store, given[RUN])
        if there is None:
            return Told(step=NAME, how=How.TO_DO, line="It has not been exported.")
        return _told(there.bundle, How.FOUND)

    def do(self, site: Site, ask: Ask, given: Values, tell: Tell) -> Told:
        """Have it exported."""
        from slipway.platform.registry.exports import keep_export

        run = needed(given, RUN, NAME)
        if told := _remembered(site, ask, given):
            return told
        begun = time.monotonic()
        answer = check_answer(site.slipway("export", run, "--on", ask.target, "--json", "--yes", tell=tell))
        if answer.get("state") in UNDER_WAY:
            name, work = answer["name"], answer["key"]
            if not ask.wait:
                return _under_way(name, work)
            result = result_of(see_through(site, work, name, tell), name)
            bundle = keep_export(site.store, result, run).digest
        else:
            bundle, work = answer[BUNDLE], answer[WORK]
        site.memo(ask.model).keep(NAME, ask, {RUN: run}, {BUNDLE: bundle, WORK: work})
        cost, currency = cost_of(site, [work]) if answer["how"] == "started" else (None, "")
        how = How.FOUND if answer["how"] == "found" else How.DONE
        return _told(bundle, how, cost=cost, currency=currency, seconds=time.monotonic() - begun)


def _remembered(site: Site, ask: Ask, given: Values) -> Told | None:
    """The bundle that was made of the run before, if the store has it and still says that it is the run's."""
    from slipway.platform.errors import SlipwayError
    from slipway.platform.registry.bundles import load_bundle
    from slipway.platform.registry.exports import Exported, exported

    values = site.memo(ask.model).recall(NAME, ask, {RUN: given[RUN]})
    if values is None or not {BUNDLE, WORK} <= values.keys():
        return None
    try:
        load_bundle(site.store, values[BUNDLE])
    except SlipwayError:
        return None
    if exported(site.store, given[RUN]) != Exported(bundle=values[BUNDLE], work=values[WORK]):
        return None
    return _told(values[BUNDLE], How.FOUND)


def _under_way(name: str, work: str) -> Told:
    links = {"the export": f"slipway show {name}"}
    return Told(step=NAME, how=How.UNDER_WAY, line=f"{name} is under way.", links=links, work=work)


def _told(bundle: str, how: How, **more: Any) -> Told:  # noqa: ANN401 - what a step tells
    return Told(
        step=NAME,
        how=how,
        line=f"Bundle {bundle[:DIGITS]}.",
        values={BUNDLE: bundle},
        links={"the bundle": f"slipway bundle show {bundle[:DIGITS]}"},
        **more,
    )


STEP: Final = ExportStep()
