"""`slipway doctor`: check what the current context needs."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from slipway.platform.cli.output import Json, print_json, print_table, say
from slipway.platform.cli.session import load_settings

app = typer.Typer(add_completion=False)


@app.command()
def doctor(
    json: Json = False,
    timeout: Annotated[float, typer.Option(min=1.0, help="Seconds that the slowest check may take.")] = 15.0,
) -> None:
    """Check what the current context needs, all at once, and say how to mend what fails.

    Exit code 1 when something that the context needs does not work; warnings do not count.
    """
    from slipway.platform.doctor import Status, checks_for, examine

    loaded = load_settings()
    checks = checks_for(loaded)
    order = [check.name for check in checks]
    with _progress(f"{len(checks)} checks"):
        results = sorted(examine(checks, timeout), key=lambda result: order.index(result[0].name))
    findings = [finding for _, found in results for finding in found]
    failures = [finding for finding in findings if finding.status is Status.FAILED]
    if json:
        described = [
            {"name": one.name, "status": one.status.value, "detail": one.detail, "mend": one.mend} for one in findings
        ]
        print_json({"context": loaded.context, "ok": not failures, "findings": described})
    else:
        print_table(["check", "status", "found"], [[one.name, one.status.value, one.detail] for one in findings])
        for one in findings:
            if one.mend:
                say(f"\n{one.name}: {one.detail}\n  {one.mend}")
    raise typer.Exit(1 if failures else 0)


@contextlib.contextmanager
def _progress(what: str) -> Iterator[None]:
    """A spinner for a person who waits."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield
