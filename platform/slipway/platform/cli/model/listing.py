"""`slipway model list` and `show`: versions, where they stand, and all that is known of one."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from slipway.platform.cli.model.arguments import DIGITS, model_names, open_desk, version_names
from slipway.platform.cli.output import Json, print_fields, print_json, print_table, say

if TYPE_CHECKING:
    from slipway.platform.registry.desk import Desk
    from slipway.platform.registry.finding import Picked
    from slipway.platform.registry.standing import ModelStanding, VersionStanding

app = typer.Typer(add_completion=False)


@app.command("list")
def list_(
    model: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Only this model.", autocompletion=model_names)
    ] = None,
    json: Json = False,
) -> None:
    """List versions, the newest first, with where each stands by the ledger."""
    desk = open_desk()
    standings = _standings(desk, model)
    rows = [_data(standing, version) for standing in standings for version in standing.newest]
    if json:
        print_json(rows)
    elif rows:
        names = ("model", "version", "state", "approvals", "bundle", "registered by", "registered")
        cells = [[str(row[name]) for name in names[:4]] for row in rows]
        rest = [[row["bundle"][:DIGITS], row["registered by"], f"{row['registered']:%Y-%m-%d %H:%M}"] for row in rows]
        print_table(names, [[*left, *right] for left, right in zip(cells, rest, strict=True)])
    else:
        say("There are no versions yet. `slipway model register BUNDLE` makes the first.")


@app.command()
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME[/VERSION|@ALIAS]",
            help="A model, or a version: NAME/3, NAME@champion, NAME@challenger.",
            autocompletion=version_names,
        ),
    ],
    json: Json = False,
) -> None:
    """Show a model, or one version: where it stands, its verdicts, approvals and lineage."""
    from slipway.platform.registry.finding import model_of, pick, standing_named, whole

    desk = open_desk()
    if whole(name):
        _show_model(desk, standing_named(desk, model_of(name)), json)
        return
    picked = pick(desk, name)
    if json:
        print_json(_version_data(picked))
        return
    print_fields({label: value for label, value in _fields(picked).items() if value})


def _standings(desk: "Desk", model: str | None) -> "list[ModelStanding]":
    from slipway.platform.registry.finding import model_of, standing_named
    from slipway.platform.registry.standing import standing_of

    if model is not None:
        return [standing_named(desk, model_of(model))]
    entries = list(desk.ledger.entries())
    names = sorted({one.entry.decision.model for one in entries if one.entry.decision.model})
    return [standing_of(name, entries) for name in names]


def _data(standing: "ModelStanding", version: "VersionStanding") -> dict[str, Any]:
    from slipway.platform.registry.cards import state_of

    approved = len(version.approvers(version.last.key)) if version.last else 0
    return {
        "model": standing.model,
        "version": version.number,
        "state": state_of(standing, version.bundle),
        "approvals": f"{approved} of {version.needed}",
        "bundle": version.bundle,
        "registered by": version.registered.entry.decision.actor,
        "registered": version.registered.entry.at,
        "overridden": bool(version.overrides),
    }


def _show_model(desk: "Desk", standing: "ModelStanding", json: bool) -> None:
    from slipway.platform.registry.records import load_version

    rows = [_data(standing, version) for version in standing.newest]
    if json:
        names = {"model": standing.model, "champion": standing.champion, "challenger": standing.challenger}
        print_json({**names, "versions": rows})
        return
    fields = {"model": standing.model}
    if standing.newest:
        record = load_version(desk.store, standing.newest[0].bundle)
        fields |= {"purpose": record.purpose, "owner": record.owner, "team": record.team, "risk": record.risk}
    for alias, bundle in (("champion", standing.champion), ("challenger", standing.challenger)):
        fields[alias] = f"version {standing.versions[bundle].number}, bundle {bundle[:DIGITS]}" if bundle else "none"
    if standing.history:
        change = standing.history[-1]
        fields["champion since"] = f"{change.at:%Y-%m-%d %H:%M} UTC, by {change.who} (entry {change.number})"
    candidates = len(set(standing.verdicts) - set(standing.versions))
    if candidates:
        fields["not registered"] = f"{candidates} judged candidate{'s' * (candidates > 1)}"
    print_fields(fields)
    typer.echo()
    columns = ("version", "state", "approvals", "bundle", "registered by")
    print_table(columns, [[str(row[name])[:DIGITS] for name in columns] for row in rows])


def _fields(picked: "Picked") -> dict[str, str]:
    from slipway.platform.registry.cards import said, state_of

    record, version = picked.record, picked.version
    fields = {
        "version": picked.name,
        "state": state_of(picked.standing, record.bundle),
        "bundle": record.bundle,
        "run": record.run_key or f"none: external, from {record.origin}",
        "risk": record.risk,
        "registered": said(version.registered),
        "trained by": ", ".join(record.trained_by) or "not known",
        "answered for by": record.answered_by,
        "last written by": ", ".join(record.written_by) or "not known",
    }
    for place, given in enumerate(version.verdicts, start=1):
        against = f"against bundle {given.champion[:DIGITS]}" if given.champion else "without a champion"
        at = given.written.entry.at
        fields[f"verdict {place}"] = (
            f"{'passed' if given.passed else 'FAILED'} {against}, {at:%Y-%m-%d %H:%M}  {given.key}"
        )
    approved = version.approvers(version.last.key) if version.last else ()
    fields["approvals"] = f"{len(approved)} of {version.needed} on the last verdict"
    words = (
        ("approved by", version.approvals), ("rejected by", version.rejections), ("remark of", version.comments),
        ("promoted by", version.promotions), ("OVERRIDE by", version.overrides),
        ("alias put back by", version.restorations),
        ("refused", version.refusals),
    )  # fmt: skip
    for word, several in words:
        for place, one in enumerate(several, start=1):
            fields[word if len(several) == 1 else f"{word} ({place})"] = said(one)
    if version.quarantined:
        fields["QUARANTINED by"] = said(version.quarantined)
    return fields


def _version_data(picked: "Picked") -> dict[str, Any]:
    from slipway.platform.registry.cards import state_of

    version = picked.version
    several = {
        "approvals": version.approvals, "rejections": version.rejections, "comments": version.comments,
        "promotions": version.promotions, "overrides": version.overrides, "refusals": version.refusals,
        "restorations": version.restorations,
    }  # fmt: skip
    return {
        **picked.record.model_dump(mode="json"),
        "state": state_of(picked.standing, picked.record.bundle),
        "verdicts": [
            {"key": one.key, "passed": one.passed, "champion": one.champion, "at": one.written.entry.at}
            for one in version.verdicts
        ],
        "approved_by": list(version.approvers(version.last.key)) if version.last else [],
        "needed": version.needed,
        "quarantined": version.quarantined is not None,
        **{name: [one.entry.model_dump(mode="json") for one in words] for name, words in several.items()},
    }
