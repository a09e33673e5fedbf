"""What follows when work was submitted: saying what happened, waiting for its end, and an exit code.

Exit codes as of `slipway train`: 0 done, 75 when it can be gone on with, 1 when it failed. Without waiting, work that
is under way or done is 0.
"""

from typing import TYPE_CHECKING, Any, Final

import typer

from slipway.platform.cli.output import print_fields, print_json, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slipway.platform.jobs.api import Desk
    from slipway.platform.jobs.submitting.starting import Brought
    from slipway.platform.jobs.submitting.submission import Submitted
    from slipway.platform.runs.standing import Standing

EXIT_RESUME: Final = 75
INTERRUPTED: Final = 130


def tell(submitted: "Submitted", desk: "Desk", *, wait: bool, json: bool) -> None:
    """Report, or wait and report."""
    if submitted.how != "found" and not wait:
        _tell_started(submitted, json=json)
        return
    now = submitted.standing
    if submitted.how != "found":
        say(_sentence(submitted))
        now = wait_for(submitted, desk)
    tell_end(brought_of(submitted, now), submitted.key, desk, json=json, more=_data(submitted, now))


def tell_end(
    brought: "Brought", key: str, desk: "Desk", *, json: bool, more: "Mapping[str, Any] | None" = None
) -> None:
    """How it ended, for people and scripts, and the exit code; `more` is data of whoever asked."""
    from slipway.platform.jobs.reporting import report
    from slipway.platform.runs.records import State

    told = report(brought, key, desk.loaded)
    for line in told.remarks:
        say(line)
    if json:
        print_json({**told.data, **(more or {})})
    else:
        print_fields(told.fields)
    if brought.state is not State.DONE:
        raise typer.Exit(EXIT_RESUME if brought.state is State.RESUMABLE else 1)


def wait_for(submitted: "Submitted", desk: "Desk") -> "Standing":
    """See submitted work to its end."""
    from slipway.platform.cli.progress import display
    from slipway.platform.jobs.api import wait_at

    try:
        with display() as watcher:
            return wait_at(desk, submitted.key, watcher)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def brought_of(submitted: "Submitted", now: "Standing") -> "Brought":
    """The same in the words of work that is brought about here."""
    from slipway.platform.jobs.submitting.starting import Brought

    how: dict[str, Any] = {"started": "ran", "attached": "attached", "found": "found"}
    return Brought(how[submitted.how], now, submitted.name)


def _tell_started(submitted: "Submitted", *, json: bool) -> None:
    now = submitted.standing
    if json:
        print_json(_data(submitted, now))
        return
    say(_sentence(submitted))
    state = f"{now.state}: {submitted.words}" if submitted.words else str(now.state)
    print_fields({"run": submitted.name, "key": submitted.key, "state": state})
    say(f"`slipway logs {submitted.name} -f` follows it, `slipway show {submitted.name}` says how it stands.")


def _data(submitted: "Submitted", now: "Standing") -> dict[str, Any]:
    """What every answer to a submission says; one about work that has ended says more."""
    return {
        "how": submitted.how,
        "name": submitted.name,
        "key": submitted.key,
        "state": now.state,
        "attempt": now.number,
        "target": now.spec.place.target if now.spec else None,
        "submitted_by": now.spec.submitted_by if now.spec else None,
        "since": now.spec.created if now.spec else None,
        "words": submitted.words,
    }


def _sentence(submitted: "Submitted") -> str:
    now = submitted.standing
    if submitted.how == "attached" or now.spec is None:
        return "Nothing new was started: this work is under way."
    return f"Started: attempt {now.number} of {submitted.name} on {now.spec.place.target}."
