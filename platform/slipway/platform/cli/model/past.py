"""`slipway model card` and `history`: what a version is, and what was decided when, by whom, on what evidence."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from slipway.platform.cli.model.arguments import Model, Version, open_desk
from slipway.platform.cli.output import Json, print_fields, print_json, print_table, say

app = typer.Typer(add_completion=False)


class Form(StrEnum):
    """How a card is written."""

    MARKDOWN = "md"
    HTML = "html"


@app.command()
def card(
    version: Version,
    form: Annotated[Form, typer.Option("--form", "-o", help="Markdown, or one HTML file.")] = Form.MARKDOWN,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write it there [default: standard output].")
    ] = None,
) -> None:
    """Write a version's model card: purpose, data, metrics per slice, gates, variants, limits, approvals, lineage."""
    from slipway.platform.registry.cards import card_of
    from slipway.platform.registry.finding import pick
    from slipway.platform.registry.pages import html, markdown
    from slipway.platform.runs.workplace import write_whole

    desk = open_desk()
    picked = pick(desk, version)
    page = card_of(desk, picked.record, picked.standing)
    text = html(page) if form is Form.HTML else markdown(page)
    if output is None:
        typer.echo(text, nl=False)
        return
    write_whole(output, text.encode())
    say(f"{output}: the card of {picked.name}.")


@app.command()
def history(
    model: Model,
    on: Annotated[
        str | None,
        typer.Option("--on", metavar="DATE", help="Who was champion then: a day (its end, UTC), or a moment."),
    ] = None,
    json: Json = False,
) -> None:
    """Say who was champion when, who decided it and on what evidence, and all else that was decided about the model."""
    from slipway.platform.ledger.describing import plain
    from slipway.platform.registry.finding import model_of, standing_named
    from slipway.platform.registry.history import events, moment_of, reign_on

    moment = moment_of(on) if on else None
    desk = open_desk()
    standing = standing_named(desk, model_of(model))
    entries = list(desk.ledger.entries(standing.model))
    if moment is not None:
        found = reign_on(standing, entries, moment)
        if json:
            print_json(found.as_data() if found else None)
        elif found is None:
            typer.echo(f"Nobody was champion of {standing.model} on {on}.")
        else:
            print_fields(found.as_fields())
        return
    told = events(standing, entries)
    if json:
        print_json([one.as_data() for one in told])
        return
    rows = [
        [
            "*" if one.champion else "",
            str(one.written.entry.number),
            f"{one.written.entry.at:%Y-%m-%d %H:%M}",
            one.version,
            one.what,
            one.written.entry.decision.actor,
            plain(one.why),
        ]
        for one in told
    ]
    print_table(("", "entry", "at", "version", "what", "who", "why"), rows)
    say("* another champion from here on")
