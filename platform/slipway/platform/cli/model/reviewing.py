"""`slipway model review`: what changed since the champion."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from slipway.platform.cli.model.arguments import DIGITS, Version, open_desk
from slipway.platform.cli.output import Json, print_fields, print_json, print_table, say
from slipway.platform.errors import SlipwayError

if TYPE_CHECKING:
    from slipway.platform.registry.desk import Desk
    from slipway.platform.registry.gallery import Turned
    from slipway.platform.registry.reviewing import Review

app = typer.Typer(add_completion=False)

SHOWN: Final = 20
"""Differences of one kind that a person is shown; the page and --json have all."""


@app.command()
def review(
    version: Version,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="The page [default: .slipway/reviews/NAME-VERSION.html]."),
    ] = None,
    gallery: Annotated[
        bool, typer.Option("--gallery/--no-gallery", help="Fetch the pictures of rows that were right and are wrong.")
    ] = True,
    json: Json = False,
) -> None:
    """Say what changed since the champion: data, code, config, metrics per slice, and rows that turned wrong.

    The whole of it, with the pictures of those rows, is written as one HTML file.
    """
    from slipway.platform.registry.finding import pick
    from slipway.platform.registry.gallery import turned as turned_of
    from slipway.platform.registry.pages import html
    from slipway.platform.registry.review_page import review_page
    from slipway.platform.registry.reviewing import review as compare
    from slipway.platform.runs.workplace import write_whole

    desk = open_desk()
    picked = pick(desk, version)
    found = compare(desk, picked)
    turned = turned_of(found)
    sheet = _sheet(desk, found, turned) if gallery and turned and turned.samples else b""
    place = output or desk.loaded.root / ".slipway" / "reviews" / f"{picked.record.model}-{picked.record.number}.html"
    write_whole(place, html(review_page(found, turned, sheet)).encode())
    if json:
        counted = {"rows": turned.rows, "wrong": turned.wrong, "right": turned.right} if turned else None
        worst = list(turned.samples) if turned else []
        print_json({**found.as_data(), "turned": counted, "worst": worst, "page": str(place)})
        return
    _print(found, turned)
    say(f"The whole review: {place}")


def _sheet(desk: "Desk", review: "Review", turned: "Turned") -> bytes:
    from slipway.platform.registry.gallery import gallery

    say(f"Fetching the pictures of {len(turned.samples)} rows that turned wrong …")
    try:
        return gallery(desk, review, turned)
    except SlipwayError as error:
        say(f"There are no pictures: {error}")
        return b""


def _print(review: "Review", turned: "Turned | None") -> None:
    from slipway.platform.registry.cards import state_of
    from slipway.platform.registry.review_page import columns, data_fields, metric_rows

    picked, champion = review.picked, review.champion
    against = f"{champion.model}/{champion.number}" if champion else "no other champion to compare with"
    fields = {"version": f"{picked.name}, {state_of(picked.standing, picked.record.bundle)}", "champion": against}
    if review.verdict:
        word = "passed" if review.verdict.passed else "FAILED"
        fields["gates"] = f"{word}, {len(review.verdict.checks)} checks, verdict {review.verdict.key[:DIGITS]}"
    fields.update(data_fields(review))
    for part in ("view", "reference", "config", "code", "lock"):
        names = [one.name for one in review.differences if one.part == part]
        if names:
            told = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
            fields[f"{part} ({len(names)} differ)"] = told
    if turned:
        fields["rows"] = f"{turned.wrong} of {turned.rows} turned wrong, {turned.right} turned right"
    print_fields(fields)
    for sentence in review.unknown:
        typer.echo(sentence)
    rows = list(metric_rows(review, headline=True))
    if rows:
        typer.echo()
        print_table(columns(review), rows)
