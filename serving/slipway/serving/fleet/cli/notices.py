"""`slipway notices`: what needs a person, sending it, and silencing a cause for a while."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from slipway.platform.cli.output import DryRun, Json, Yes, print_json, print_table, say
from slipway.platform.cli.session import confirm_change, load_settings
from slipway.platform.errors import WrongUse
from slipway.serving.fleet.cli.arguments import moment_of

if TYPE_CHECKING:
    from slipway.serving.fleet.notices.book import Book, Silence, Standing

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Show and send what needs a person, and silence it for a while."
)

LONGEST: Final = timedelta(days=90)
Cause = Annotated[
    str, typer.Argument(metavar="CAUSE", help="As `slipway notices list` shows it, such as silent/harbour.")
]


@app.command("list")
def list_notices(*, json: Json = False) -> None:
    """Look at ledger, channel and fleet store now, and list what needs a person, the weightiest first.

    Exit code 1 when something is urgent and not silenced. Nothing is sent.
    """
    from slipway.platform.ledger.describing import moment, plain
    from slipway.serving.fleet.notices.notice import Weight
    from slipway.serving.fleet.notices.standing import found_now

    loaded = load_settings()
    found, remarks = found_now(loaded)
    if json:
        print_json({"notices": [_data(one) for one in found], "remarks": remarks})
    else:
        for one in found:
            notice, quiet = one.notice, one.silence
            typer.echo(f"{notice.weight.value.upper()}  {plain(notice.title)}")
            typer.echo(f"  {plain(notice.text)}")
            typer.echo(f"  next: {plain(notice.command)}")
            told = f", told {moment(one.told_at)}" if one.told_at else ", told to nobody yet"
            told = f", silenced until {moment(quiet.until)} by {quiet.person}: {plain(quiet.reason)}" if quiet else told
            typer.echo(f"  {plain(notice.cause)}, since {moment(one.first_at)} UTC{told}")
        if not found:
            say("Nothing needs a person.")
        for remark in remarks:
            say(f"Not looked at: {remark}")
    raise typer.Exit(int(any(one.notice.weight is Weight.URGENT and not one.silence for one in found)))


@app.command()
def send(*, dry_run: DryRun = False, yes: Yes = False, json: Json = False) -> None:
    """Look now, and send what is due to the addresses of notices.urls.

    `slipway fleet control` does this at each look. A cause is sent when it begins, again after notices.repeat_hours
    while it lasts, and once when it is over. Exit code 1 when something did not arrive.
    """
    from slipway.serving.fleet.notices.round import look_now, make_round
    from slipway.serving.fleet.notices.sending import failed_in, places_of

    loaded = load_settings()
    places = places_of(loaded.settings.notices)
    if not places:
        raise WrongUse(
            "notices.urls names nobody.", mend='Such as `urls = ["mailto://…"]` in `[contexts.<name>.notices]`.'
        )
    if dry_run:
        found = look_now(loaded)
        causes = [one.cause for one in found.notices]
        if json:
            print_json({"causes": causes, "places": [one.name for one in places], "remarks": found.remarks})
        else:
            for cause in causes:
                typer.echo(cause)
            say(f"{len(causes)} causes last; what of it is due would go to {', '.join(one.name for one in places)}.")
        return
    confirm_change(loaded, "send notices", yes)
    with _open_book() as book:
        made = make_round(loaded, book)
    if json:
        print_json({"sent": [vars(one) for one in made.sent], "remarks": made.look.remarks})
    else:
        for one in made.sent:
            what = "over" if one.over else "sent"
            typer.echo(f"{one.cause}: {what if one.arrived else 'not ' + what} to {one.place}")
        for remark in made.look.remarks:
            say(f"Not looked at: {remark}")
        if not made.sent:
            say("Nothing was due.")
    if error := failed_in(made.sent):
        raise error


@app.command()
def silence(
    cause: Cause,
    *,
    until: Annotated[str, typer.Option("--until", metavar="T", help="Such as 4h, 7d, 2026-12-24T18:00Z.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")],
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Let nobody hear of a cause until a moment; it is listed all the same. What ends meanwhile is told to nobody."""
    from slipway.platform.ledger.describing import moment
    from slipway.platform.registry.desk import Desk

    loaded, now = load_settings(), datetime.now(UTC)
    end = moment_of(until, "--until", now, ahead=True)
    if not now < end <= now + LONGEST:
        raise WrongUse(
            f"--until {until} is {'over' if end <= now else f'more than {LONGEST.days} days ahead'}.",
            mend="Name a moment that is still to come; a silence can be written again.",
        )
    if not reason.strip():
        raise WrongUse("--reason says nothing.", mend="Say why, for whoever finds it silenced.")
    person = Desk.of(loaded).signer.person.name
    if not dry_run:
        confirm_change(loaded, f"silence {cause}", yes)
    with _open_book() as book:
        _check_known(book, cause)
        if not dry_run:
            book.silence(cause, end, reason.strip(), person)
    if json:
        print_json({"cause": cause, "until": end, "reason": reason.strip(), "person": person, "changed": not dry_run})
    else:
        say(f"{cause} {'would be' if dry_run else 'is'} silenced until {moment(end)} UTC.")


@app.command()
def unsilence(cause: Cause, *, dry_run: DryRun = False, yes: Yes = False, json: Json = False) -> None:
    """Let people hear of a cause again."""
    loaded = load_settings()
    if not dry_run:
        confirm_change(loaded, f"unsilence {cause}", yes)
    with _open_book() as book:
        names = [one.cause for one in book.silences()]
        there = cause in names if dry_run else book.unsilence(cause)
    if not there and not json:
        raise WrongUse(f"`{cause}` is not silenced.", mend=f"Silenced are: {', '.join(names) or 'none'}.")
    _tell(cause, "heard of again", changed=there, dry_run=dry_run, json=json)


@app.command("raise")
def raise_notice(
    cause: Annotated[str, typer.Argument(metavar="CAUSE", help="retraining-failed/ and the model's name.")],
    *,
    text: Annotated[str, typer.Option("--text", metavar="TEXT", help="What happened, with what somebody needs.")],
    then: Annotated[str, typer.Option("--next", metavar="COMMAND", help="What to type next.")] = "slipway runs",
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Raise what no look finds: for a flow whose run failed. It lasts until `end`; raised again it is the same one."""
    from slipway.serving.fleet.notices.finding import RETRAINING
    from slipway.serving.fleet.notices.notice import Notice, Weight

    kind, _, model = cause.partition("/")
    if kind != RETRAINING or not model:
        raise WrongUse(
            f"`{cause}` is nothing that is raised by hand.",
            mend=f"Such as {RETRAINING}/vehicle-reid; all else is found by looking.",
        )
    if not text.strip():
        raise WrongUse("--text says nothing.", mend="Say what failed and where its log is.")
    loaded = load_settings()
    notice = Notice(
        cause, Weight.WARNING, f"Retraining of {model} failed", text.strip(), then, datetime.now(UTC), model=model
    )
    if not dry_run:
        confirm_change(loaded, f"raise {cause}", yes)
    with _open_book() as book:
        if not dry_run:
            book.tell(notice)
    _tell(cause, f"raised; `slipway notices end {cause}` ends it", changed=True, dry_run=dry_run, json=json)


@app.command()
def end(cause: Cause, *, dry_run: DryRun = False, yes: Yes = False, json: Json = False) -> None:
    """End what was raised: for a flow whose next run went well. Those who heard of it are told that it is over."""
    loaded = load_settings()
    if not dry_run:
        confirm_change(loaded, f"end {cause}", yes)
    with _open_book() as book:
        raised = [one.notice.cause for one in book.standings() if one.raised]
        there = cause in raised if dry_run else book.end(cause)
    if not there and not json:
        raise WrongUse(f"`{cause}` was not raised, or is over.", mend=f"Raised are: {', '.join(raised) or 'none'}.")
    _tell(cause, "over", changed=there, dry_run=dry_run, json=json)


@app.command()
def silences(*, json: Json = False) -> None:
    """List the silences that hold now."""
    from slipway.platform.ledger.describing import moment, plain

    with _open_book() as book:
        found = book.silences()
    if json:
        print_json({"silences": [vars(one) for one in found]})
    elif found:
        print_table(
            ("cause", "until (UTC)", "by", "reason"),
            [[plain(one.cause), moment(one.until), one.person, plain(one.reason)] for one in found],
        )
    else:
        say("Nothing is silenced.")


def _tell(cause: str, what: str, *, changed: bool, dry_run: bool, json: bool) -> None:
    """What became of a cause, or would."""
    if json:
        print_json({"cause": cause, "changed": changed and not dry_run})
    else:
        say(f"{cause} {'would be' if dry_run else 'is'} {what}.")


def _open_book() -> "Book":
    """The book, where there is a fleet store; only the service begins one."""
    from slipway.serving.fleet.cli.control import open_store
    from slipway.serving.fleet.notices.book import Book

    open_store().close()
    return Book.of(load_settings())


def _check_known(book: "Book", cause: str) -> None:
    from slipway.platform.names import suggestion
    from slipway.serving.fleet.notices.finding import KINDS, RETRAINING
    from slipway.serving.fleet.notices.notice import kind_of

    kinds = (*KINDS, RETRAINING)
    if kind_of(cause) in kinds and "/" in cause:
        return  # one that may still come
    known = [one.notice.cause for one in book.standings()]
    if cause not in known:
        raise WrongUse(f"`{cause}` is no cause.", mend=suggestion(cause, [*known, *(f"{kind}/…" for kind in kinds)]))


def _data(one: "Standing") -> dict[str, Any]:
    notice: dict[str, Any] = {**vars(one.notice), "weight": one.notice.weight.value}
    quiet: Silence | None = one.silence
    return {
        **notice,
        "first_at": one.first_at,
        "told_at": one.told_at,
        "failed": one.failed,
        "silence": vars(quiet) if quiet else None,
    }
