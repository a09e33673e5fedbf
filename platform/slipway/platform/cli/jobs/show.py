"""`slipway show`: one run in full."""

import shlex
from typing import TYPE_CHECKING, Final

import typer

from slipway.platform.cli.jobs.arguments import Run, open_desk
from slipway.platform.cli.jobs.runs import PLAIN
from slipway.platform.cli.output import Json, print_fields, print_json, print_table, say

if TYPE_CHECKING:
    from slipway.platform.jobs.showing import Execution, Shown

app = typer.Typer(add_completion=False)

DIGITS: Final = 12
METRICS: Final = 8


@app.command()
def show(run: Run, json: Json = False) -> None:
    """Show a run: state and place, attempts, data, code, config, metrics, cost so far, and who wants it."""
    from slipway.platform.jobs import showing
    from slipway.platform.runs.find import find

    desk = open_desk()
    shown = showing.show(find(desk.store, run), desk.loaded, desk.store, desk.launcher)
    for remark in shown.remarks:
        say(remark)
    if json:
        print_json(shown.as_data())
        return
    print_fields(_fields(shown))
    if shown.attempts:
        typer.echo()
        columns = ("attempt", "state", "by", "on", "since", "took", "cost", "why it began", "how it ended")
        print_table(columns, [_row(one, shown) for one in shown.attempts])
    if len(shown.nodes) > 1:
        typer.echo()
        told = [[str(one.node), one.phase.value, one.where, one.words] for one in shown.nodes]
        print_table(("node", "state", "on", "says"), told)


def _fields(shown: "Shown") -> dict[str, str]:
    from slipway.platform.runs.records import State
    from slipway.platform.telling import duration

    now, spec = shown.standing, shown.standing.spec
    state = str(now.state or "not begun")
    words = shown.words if now.state is not State.DONE else ""
    fields = {"run": shown.name, "key": shown.key, "state": f"{state}: {words}" if words else state}
    if shown.arguments:
        fields["arguments"] = shlex.join(shown.arguments)
    fields.update(_whose(shown))
    if shown.advice:
        fields["next"] = shown.advice
    fields.update(_place(shown))
    if spec is not None:
        fields["asked for"] = f"by {spec.submitted_by}, {duration(shown.since.total_seconds())} ago"
    if len(shown.wanted_by) > 1:
        fields["wanted by"] = ", ".join(shown.wanted_by)
    if shown.cancellation is not None:
        fields["cancelled"] = f"by {shown.cancellation.by}"
    fields.update(_inputs(shown))
    fields.update(_found(shown))
    fields["cost so far"] = _cost(shown)
    if spec is not None and spec.note:
        fields["note"] = spec.note
    if spec is not None and spec.tags:
        fields["tags"] = ", ".join(f"{name}={value}" for name, value in spec.tags.items())
    if shown.page:
        fields["look"] = shown.page
    return fields


def _whose(shown: "Shown") -> dict[str, str]:
    """The model, its team, and what is done for it where that is no training."""
    spec = shown.standing.spec
    team = f", team {spec.team}" if spec and spec.team else ""
    fields = {"model": f"{shown.parts.model}{team}"} if shown.parts is not None else {}
    return fields if spec is None or spec.kind in PLAIN else {**fields, "kind": spec.kind}


def _place(shown: "Shown") -> dict[str, str]:
    now, job = shown.standing, shown.job
    if now.spec is None:
        return {}
    target = job.target if job else now.place.target
    shape = f", {job.nodes} nodes" if job and job.nodes > 1 else ""
    devices = f", {job.gpus} GPUs each" if job and job.gpus else ""
    where = f"{now.place.host}, process {now.place.pid}" if now.place.host and now.place.pid else now.place.host
    return {"runs on" if now.under_way else "ran on": f"{target}{shape}{devices}{f' ({where})' if where else ''}"}


def _inputs(shown: "Shown") -> dict[str, str]:
    parts, spec = shown.parts, shown.standing.spec
    if parts is None:
        return {}
    revision = f", {spec.revision[:DIGITS]}{'+dirty' if '+' in spec.revision else ''}" if spec and spec.revision else ""
    config = ", ".join(f"{name}={value}" for name, value in shown.settings.items())
    fields = {
        "data": f"snapshot {parts.snapshot[:DIGITS]}",
        "code": f"{parts.code_digest[:DIGITS]}, {len(parts.code)} files{revision}",
        "config": config,
        "lock": f"{len(parts.lock)} distributions",
    }
    if parts.references:
        fields["references"] = ", ".join(f"{name} {digest[:DIGITS]}" for name, digest in parts.references.items())
    return {name: value for name, value in fields.items() if value}


def _found(shown: "Shown") -> dict[str, str]:
    from slipway.platform.runs.judged import measure

    if shown.judged is not None:
        fields = {f"{shown.judged['metric']} ({shown.judged['split']})": measure(shown.judged)}
        if shown.judged["baseline"] is not None:
            fields["over the baseline"] = measure(shown.judged["baseline"]["difference"], sign="+")
        return fields
    told = ", ".join(f"{name} {value:.4g}" for name, value in list(shown.metrics.items())[:METRICS])
    return {"metrics": told} if told else {}


def _cost(shown: "Shown") -> str:
    from decimal import Decimal

    from slipway.platform.telling import duration, money

    sums: dict[str, Decimal] = {}
    for amount, currency in shown.costs:
        sums[currency] = sums.get(currency, Decimal(0)) + amount
    told = ", ".join(money(amount, currency) for currency, amount in sums.items() if amount) or "nothing"
    limit = shown.job.limits.budget if shown.job else None
    budget = f" of {money(limit, shown.job.price.currency)}" if limit is not None and shown.job else ""
    return f"{told}{budget}, {duration(shown.seconds)}"


def _row(one: "Execution", shown: "Shown") -> list[str]:
    from slipway.platform.telling import duration, ended, money

    going_on = one.number == shown.standing.number and shown.standing.under_way
    return [
        str(one.number),
        one.state.value,
        one.person,
        one.where,
        one.created,
        duration(one.seconds),
        money(one.cost, one.currency) if one.cost else "",
        one.why.partition(": ")[0],  # how the attempt before ended stands in its own row
        "" if going_on else ended(one.cause, one.reason),
    ]
