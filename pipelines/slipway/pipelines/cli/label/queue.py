"""`slipway data label list`, `show` and `open`: what waits for people, and how many labels are missing."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slipway.pipelines.cli.label.arguments import (
    counted,
    counts,
    found_site,
    gone_words,
    model_names,
    person_at,
    task_names,
)
from slipway.platform.cli.output import DryRun, Json, Yes, print_fields, print_json, print_table, say
from slipway.platform.errors import WrongUse

if TYPE_CHECKING:
    from slipway.pipelines.labelling.standing import Standing
    from slipway.pipelines.labelling.task import Task
    from slipway.pipelines.steps.site import Site
    from slipway.platform.data.snapshot import Snapshot
    from slipway.serving.fleet.store.samples import Kept

app = typer.Typer(add_completion=False)

Snap = Annotated[
    str | None,
    typer.Option("--snapshot", metavar="REF", help="Counted in this snapshot [default: what flows train on]."),
]


@app.command("list")
def list_(
    *,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Only this model's.", autocompletion=model_names)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that nothing is missing of.")] = False,
    snapshot: Snap = None,
    json: Json = False,
) -> None:
    """List labelling tasks, the oldest first, with the labels that are missing, and pictures of devices that wait."""
    from slipway.pipelines.labelling.devices import waiting
    from slipway.pipelines.labelling.standing import standing
    from slipway.pipelines.labelling.task import tasks

    site = found_site()
    base = counted(site, snapshot)
    found = [(one, standing(one, base)) for one in tasks(site.store, model)]
    shown = [(task, how) for task, how in found if everything or how.missing]
    loose = waiting(site.loaded, base, [task for task, _ in found], model)
    if json:
        print_json(
            {"tasks": [_data(task, how) for task, how in shown], "waiting": {k: len(v) for k, v in loose.items()}}
        )
        return
    if shown:
        print_table(
            ("task", "model", "cause", "wanted", "labelled", "reviewed", "missing"), [_row(*one) for one in shown]
        )
    else:
        say(
            "No labelling task is open." if not found else "Nothing is missing of any labelling task; --all shows them."
        )
    for name, pictures in loose.items():
        wait = "waits" if len(pictures) == 1 else "wait"
        say(f"{counts(len(pictures))} {wait} in no task: `slipway data label open {name} --devices`")


@app.command()
def show(
    task: Annotated[str, typer.Argument(metavar="TASK", help="The beginning of its name.", autocompletion=task_names)],
    *,
    snapshot: Snap = None,
    json: Json = False,
) -> None:
    """Show a labelling task: why it is there, how far it is, and what to do."""
    from slipway.pipelines.labelling.standing import standing
    from slipway.pipelines.labelling.task import load_task

    site = found_site()
    found = load_task(site.store, task)
    base = counted(site, snapshot)
    _print(site, base, found, standing(found, base), json=json)


@app.command("open")
def open_(  # noqa: PLR0913 - options, which people write by name
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="The model that needs them.", autocompletion=model_names)
    ],
    *,
    where: Annotated[
        str | None, typer.Option("--where", metavar="FILTER", help="Rows that fit, also those that come later.")
    ] = None,
    devices: Annotated[bool, typer.Option("--devices", help="Pictures of devices that wait in no task yet.")] = False,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DATE", help="Of those, the ones from then on, or of the last so long."),
    ] = None,
    count: Annotated[
        int, typer.Option("--count", metavar="N", min=0, help="How many labels are needed [default: one for each].")
    ] = 0,
    cause: Annotated[
        str | None, typer.Option("--cause", metavar="TEXT", help="The occasion; the same one is the same task.")
    ] = None,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="A sentence for those who label.")] = "",
    snapshot: Snap = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Open a labelling task, or find the one that is open for the same cause and rows."""
    from slipway.pipelines.labelling.devices import waiting
    from slipway.pipelines.labelling.opening import open_task, wanted_of
    from slipway.pipelines.labelling.task import tasks
    from slipway.platform.cli.session import confirm_change
    from slipway.platform.models.finder import model_named
    from slipway.serving.fleet.cli.arguments import moment_of

    site, now = found_site(), datetime.now(UTC)
    model_named(model)
    base = counted(site, snapshot)
    pictures: list[Kept] = []
    if devices:
        begin = None if since is None else moment_of(since, "--since", now, ahead=False)
        known = tasks(site.store, model)
        pictures = waiting(site.loaded, base, known, model, since=begin).get(model, [])
        if not pictures and where is None:
            raise WrongUse(
                f"No pictures of devices of {model} wait in no task.",
                mend="`slipway rollout sample` says which ones devices keep; `slipway data label list` lists tasks.",
            )
    wanted = wanted_of(where, (), [one.decision for one in pictures], count)
    if not dry_run:
        confirm_change(site.loaded, f"open a labelling task of {model}", yes)
    opened = open_task(
        site, model=model, cause=cause or _cause(where, pictures, now), why=why or "Asked for.", wanted=wanted,
        by=person_at(site), snapshot=base.digest if base else None, at=now, dry_run=dry_run,
    )  # fmt: skip
    if not json:
        what = "would be opened" if dry_run and opened.new else "opened" if opened.new else "is open already"
        say(f"Task {opened.task.short} {what}.")
    _print(site, base, opened.task, opened.standing, json=json, new=opened.new and not dry_run)


def _cause(where: str | None, pictures: "list[Kept]", now: datetime) -> str:
    """What a person asks for is asked for once a day, or as these pictures come."""
    if where is not None or not pictures:
        return f"asked {now.date().isoformat()}"
    return f"pictures until {pictures[-1].decision.partition('.')[0]}"


def _print(
    site: "Site", base: "Snapshot | None", task: "Task", how: "Standing", *, json: bool, new: bool | None = None
) -> None:
    from slipway.pipelines.labelling.devices import whereabouts

    where = whereabouts(site.loaded, task, base)
    if json:
        pictures = {"rows": where.rows, "kept": where.kept, "gone": where.gone}
        print_json({**_data(task, how), "pictures": pictures} | ({} if new is None else {"new": new}))
        return
    wanted = task.wanted
    rows = [f"rows where {wanted.where}"] if wanted.where else []
    rows += [f"{len(wanted.samples)} rows"] if wanted.samples else []
    if wanted.pictures:
        gone = f", {where.gone} gone" if where.gone else ""
        rows += [f"{counts(len(wanted.pictures))}: {where.rows} in the snapshot, {where.kept} kept{gone}"]
    print_fields(
        {
            "task": task.id,
            "model": task.model,
            "cause": task.cause,
            "why": task.why,
            "rows": "; ".join(rows),
            "labels": f"{how.labelled} of {how.wanted}, {how.reviewed} reviewed, {how.disputed} disputed",
            "missing": str(how.missing),
            "opened": f"{task.opened_at:%Y-%m-%d %H:%M} UTC by {task.opened_by}",
        }
    )
    if where.gone:
        say(gone_words(where.gone, len(wanted.pictures)))
    if how.missing:
        say(f"`slipway data label export --to cvat --task {task.short} OUT` gives them to people.")


def _data(task: "Task", how: "Standing") -> dict[str, Any]:
    numbers = {"labels": how.wanted, "labelled": how.labelled, "reviewed": how.reviewed, "disputed": how.disputed}
    return {"id": task.id, **task.model_dump(mode="json"), **numbers, "missing": how.missing}


def _row(task: "Task", how: "Standing") -> list[str]:
    numbers = (how.wanted, how.labelled, how.reviewed, how.missing)
    return [task.short, task.model, task.cause, *map(str, numbers)]
