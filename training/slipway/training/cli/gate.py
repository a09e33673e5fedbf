"""`slipway gate`: judge a bundle, or say which verdict stands."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slipway.platform.cli.jobs.arguments import open_desk, target_names
from slipway.platform.cli.output import DryRun, Json, Yes, print_fields, print_json, print_table, say
from slipway.platform.cli.session import confirm_change
from slipway.platform.errors import WrongUse

if TYPE_CHECKING:
    from slipway.platform.jobs.api import Desk
    from slipway.platform.jobs.submitting.planning import Planned
    from slipway.platform.jobs.submitting.submission import Submitted
    from slipway.platform.jobs.watching import Watcher
    from slipway.platform.registry.verdict import Checked, Verdict
    from slipway.platform.runs.records import Result
    from slipway.training.gates.gathering import Bring
    from slipway.training.gates.gating import Given
    from slipway.training.gates.question import Question

app = typer.Typer(add_completion=False)

SHOWN = 12
KEY_SHOWN = 15
ORDER = {"failed": 0, "prove-on-device": 1, "passed": 2}


@app.command()
def gate(  # noqa: PLR0913 - what a person may say
    bundle: Annotated[
        str, typer.Argument(metavar="BUNDLE", help="A bundle's folder, the beginning of its digest, or a run.")
    ],
    *,
    against: Annotated[
        str, typer.Option(metavar="BUNDLE", help="Whom it is held against: `champion`, another bundle, or `none`.")
    ] = "champion",
    snapshot: Annotated[
        str | None,
        typer.Option(metavar="REF", help="What it is judged on: a folder, digest or git revision; else data.dvc's."),
    ] = None,
    on: Annotated[
        str | None,
        typer.Option(
            "--on",
            metavar="TARGET",
            help="Where it is evaluated; in this process unless given.",
            autocompletion=target_names,
        ),
    ] = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="With --on: launch the evaluations, and say which they are.")
    ] = False,
    dry_run: DryRun = False,
    json: Json = False,
    yes: Yes = False,
) -> None:
    """Judge a bundle by the gates of its model, on the device's runtime; exit with 1 when a check fails.

    The verdict is signed and stored. Judging the same again says at once what stands.
    """
    from slipway.platform.cli.progress import display
    from slipway.training.gates.gating import gate as judge
    from slipway.training.gates.question import ask

    if no_wait and on is None:
        raise WrongUse("--no-wait leaves evaluations alone that run elsewhere.", mend="Add --on TARGET.")
    desk = open_desk()
    question = ask(bundle, against, snapshot, desk)
    if dry_run:
        told = _foretold(question, desk)
        print_json(told) if json else print_fields({name: str(one) for name, one in told.items()})
        return
    confirm_change(desk.loaded, f"judge the bundle {question.candidate.digest[:SHOWN]}", yes)
    if no_wait and on is not None and (works := _launched(question, desk, on)):
        _tell_launched(works, json=json)
        return
    with display() as watcher:
        given = judge(question, desk, _bringing(desk, watcher, on), watcher.note, lambda: datetime.now(UTC))
    _tell(given, json=json)
    raise typer.Exit(0 if given.verdict.passed else 1)


def _bringing(desk: "Desk", watcher: "Watcher", on: str | None) -> "Bring":
    """Evaluations run in this process, or on a target and are waited for."""
    from slipway.platform.errors import SlipwayError
    from slipway.training.submitting import request_of

    request = request_of(desk.loaded, tags={})

    def bring(planned: "Planned") -> "Result":
        if on is None:
            from slipway.platform.jobs.submitting.starting import bring_about

            brought = bring_about(planned, request, desk.loaded, watcher, store=desk.store)
            name, result, outcome = brought.name, brought.result, brought.outcome
        else:
            from slipway.platform.jobs.api import wait_at
            from slipway.platform.jobs.submitting.submission import submit

            submitted = submit(
                planned, request, desk.loaded, target=on, patient=True, watcher=watcher, store=desk.store
            )
            now = submitted.standing if submitted.how == "found" else wait_at(desk, submitted.key, watcher)
            name, result, outcome = submitted.name, now.result, now.outcome
        if result is None:
            why = outcome.reason if outcome else "it has no outcome"
            raise SlipwayError(
                f"The evaluation {name} did not come to its end: {why}",
                mend=(outcome.mend if outcome else "") or f"`slipway logs {name}` says more; then gate again.",
            )
        return result

    return bring


def _launched(question: "Question", desk: "Desk", on: str) -> "list[Submitted]":
    """The evaluations that a verdict waits for, all launched; none where it stands already or they are done."""
    from slipway.platform.cli.progress import display
    from slipway.platform.jobs.submitting.submission import submit
    from slipway.training.gates.gating import provide_bundles, signer_of, standing_verdict
    from slipway.training.gates.planning import plan_evaluation
    from slipway.training.submitting import request_of

    if standing_verdict(question, desk) is not None:
        return []
    signer_of(desk)  # before hours of work: without a key there is no verdict
    provide_bundles(question, desk)
    request = request_of(desk.loaded, tags={})
    planned = [plan_evaluation(one, question.named, desk.loaded, desk.store) for one in question.bundles]
    with display() as watcher:
        works = [submit(one, request, desk.loaded, target=on, watcher=watcher, store=desk.store) for one in planned]
    return [one for one in works if one.how != "found"]


def _tell_launched(works: "list[Submitted]", *, json: bool) -> None:
    if json:
        print_json({"under_way": [{"key": one.key, "name": one.name, "how": one.how} for one in works]})
        return
    for one in works:
        typer.echo(f"{one.name} evaluates it: {one.key[:KEY_SHOWN]}, {one.standing.state}.")
    say("The same command judges it when that is done.")


def _foretold(question: "Question", desk: "Desk") -> dict[str, Any]:
    """What would be done, and what is there already."""
    from slipway.platform.runs.standing import standing
    from slipway.training.gates.gating import standing_verdict
    from slipway.training.gates.planning import plan_evaluation

    stands = standing_verdict(question, desk)
    told: dict[str, Any] = {
        "model": question.candidate.model.name,
        "bundle": question.candidate.digest,
        "against": question.champion.digest if question.champion else "none",
        "snapshot": question.named.digest,
        "verdict": question.key,
        "stands": ("passed" if stands.passed else "failed") if stands else "no",
    }
    for who, one in zip(("candidate", "champion"), question.bundles, strict=False):
        planned = plan_evaluation(one, question.named, desk.loaded, desk.store)
        now = standing(desk.store, planned.key, desk.here)
        would = "is done" if now.result is not None else "is under way" if now.under_way else "would run"
        told[f"evaluation of the {who}"] = f"{planned.key[:KEY_SHOWN]} {would}"
    return told


def _tell(given: "Given", *, json: bool) -> None:
    verdict = given.verdict
    if json:
        print_json(
            {
                **verdict.model_dump(mode="json"),
                "key": verdict.key,
                "passed": verdict.passed,
                "stood": given.known,
                "file": str(given.page) if given.page else None,
            }
        )
        return
    checks = sorted(verdict.checks, key=lambda one: ORDER[one.state])
    print_table(["state", "gate", "check", "value", "limit", "what"], [_row(one) for one in checks])
    typer.echo()
    typer.echo(_line(verdict))
    if given.known:
        say(f"This verdict stands since {verdict.judged_at:%Y-%m-%d %H:%M} UTC.")
    if given.page:
        say(f"Page: {given.page}")


def _row(one: "Checked") -> list[str]:
    sense = {"least": ">=", "most": "<="}[one.sense]
    value = "" if one.value is None else f"{one.value:.4g}"
    limit = "" if one.limit is None else f"{sense} {one.limit:g}"
    return [one.state, one.gate, one.name, value, limit, "" if one.state == "passed" else one.sentence]


def _line(verdict: "Verdict") -> str:
    """All of it in a line."""
    left = sum(one.state == "prove-on-device" for one in verdict.checks)
    against = f"against {verdict.champion[:SHOWN]}" if verdict.champion else "without a champion"
    counted = f"{len(verdict.failures)} of {len(verdict.checks)} checks failed"
    proven = f", {left} left to the device" if left else ""
    word = "PASSED" if verdict.passed else "FAILED"
    return (
        f"{word}: {verdict.model} {verdict.bundle[:SHOWN]} {against}: {counted}{proven}. Verdict {verdict.key[:SHOWN]}."
    )
