"""`slipway data label import`: what people said in a tool, back into the working snapshot or onto the branch."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from slipway.pipelines.cli.label.arguments import Format, Split, State, TaskName, found_site, person_at, working
from slipway.platform.cli.output import DryRun, Json, Yes, print_fields, print_json, say
from slipway.platform.errors import SlipwayError, WrongUse

if TYPE_CHECKING:
    from slipway.pipelines.labelling.bringing import Brought
    from slipway.pipelines.labelling.importing import Heard, Import
    from slipway.pipelines.steps.site import Site
    from slipway.platform.data.labels.relabelling import Asked, Told

app = typer.Typer(add_completion=False)

SHOWN: Final = 20
"""Rows that are told one by one."""


@app.command("import")
def import_(  # noqa: PLR0913 - options, which people write by name
    source: Annotated[Path, typer.Argument(metavar="FROM", help="The tool's file, its ZIP, or the folder of it.")],
    *,
    format_: Annotated[Format, typer.Option("--from", help="The tool's format.")],
    author: Annotated[
        list[str],
        typer.Option("--author", metavar="NAME", help="Whose labels they are; WHO=NAME for each whom the file names."),
    ],
    state: Annotated[
        State, typer.Option("--state", help="auto: a machine's; reviewed, disputed: of what others labelled.")
    ] = State.human,
    task: TaskName = None,
    empty: Annotated[bool, typer.Option("--empty", help="In images without a box there is nothing.")] = False,
    changed_only: Annotated[
        bool, typer.Option("--changed-only", help="Rows that are as they were given nobody has looked at.")
    ] = False,
    category: Annotated[
        list[str] | None, typer.Option("--category", metavar="NAME", help="A category that no row has yet.")
    ] = None,
    light: Annotated[str | None, typer.Option("--light", metavar="NAME", help="Of new pictures of devices.")] = None,
    legal_basis: Annotated[str | None, typer.Option("--legal-basis", help="Of new pictures of devices.")] = None,
    split: Annotated[
        Split | None, typer.Option("--split", help="Of new pictures of devices [default: by site and day].")
    ] = None,
    on_branch: Annotated[
        bool, typer.Option("--branch", help="Commit to the branch for data (data.branch); data/ stays as it is.")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Take labels in. Only rows that change are written; the same file again changes nothing.

    A person's label becomes `human`, and `reviewed` where another person had said the same; where two people differ it
    becomes `disputed`. A file with anything wrong in it is refused before anything changes.
    """
    from slipway.pipelines.labelling.bringing import into_data, moment
    from slipway.pipelines.labelling.bringing import on_branch as onto
    from slipway.pipelines.labelling.importing import Import
    from slipway.platform.cli.data.meter import meter
    from slipway.platform.cli.session import confirm_change

    if state is State.unlabelled:
        raise WrongUse("Nobody can say that a row is unlabelled.", mend="--state disputed says that a label is wrong.")
    site, now = found_site(), datetime.now(UTC)
    given = {"light": light, "legal_basis": legal_basis, "split": split.value if split is not None else None}
    wanted = Import(
        source=source,
        format=format_.value,
        authors=tuple(author),
        asked=cast("Asked", state.value),
        now=moment(now),
        empty=empty,
        changed_only=changed_only,
        categories=tuple(category or ()),
        given={name: value for name, value in given.items() if value is not None},
    )
    if on_branch and not dry_run:
        confirm_change(site.loaded, f"commit labels to the branch {site.loaded.settings.data.branch}", yes)
    with meter() as progress:
        heard = _heard(site, wanted, task, on_branch=on_branch)
        if on_branch:
            message = f"Labels: {source.name} by {', '.join(sorted({one.author for one in heard.said.words}))}"
            brought = onto(
                site.project, heard.said, by=person_at(site), at=now, message=message, watcher=progress, dry_run=dry_run
            )
        else:
            brought = into_data(site.project, heard.said, watcher=progress, dry_run=dry_run)
    _report(heard, brought, dry_run=dry_run, json=json, on_branch=on_branch)


def _heard(site: "Site", wanted: "Import", task: str | None, *, on_branch: bool) -> "Heard":
    from slipway.pipelines.labelling.importing import read_labels
    from slipway.pipelines.labelling.task import load_task, tasks
    from slipway.platform.data.revising import base_of
    from slipway.platform.data.watching import SILENT

    found = [load_task(site.store, task)] if task is not None else tasks(site.store)
    base = base_of(site.project) if on_branch else working(site, None, SILENT)
    model = found[0].model if task is not None else None
    return read_labels(wanted, site.loaded, base, found, model)


def _report(heard: "Heard", brought: "Brought", *, dry_run: bool, json: bool, on_branch: bool) -> None:
    done = brought.relabelled
    left = done.of("left")
    if json:
        counts: dict[str, Any] = {"rows": brought.changed, "silent": heard.silent, "became": done.counts}
        rows = [one.as_data() for one in done.told if one.how != "unchanged"]
        print_json(
            {**counts, "changed": rows, "snapshot": brought.digest, "commit": brought.commit, "dry_run": dry_run}
        )
    else:
        _tell(done.of("disputed"), "disputed")
        _tell(left, "left as it is")
        told = {"rows changed": str(brought.changed)}
        told |= {"became": ", ".join(f"{count} {how}" for how, count in done.counts.items()) or "nothing"}
        told |= {"said nothing of": f"{heard.silent} images"} if heard.silent else {}
        told |= {"snapshot": brought.digest} if brought.digest and not dry_run else {}
        told |= {"commit": brought.commit} if brought.commit else {}
        print_fields(told | ({"changed": "nothing"} if dry_run else {}))
        if brought.changed and not dry_run and not on_branch:
            say("`slipway data commit` makes it the snapshot that data.dvc names.")
    if left and len(left) == len(done.told):
        raise SlipwayError(
            f"No row could take these labels: {left[0].why}.",
            mend="Somebody else imports them, or with another --state.",
        )


def _tell(rows: "list[Told]", what: str) -> None:
    """Row by row, as many as a screen bears."""
    for one in rows[:SHOWN]:
        say(f"{what}: {one.source} ({one.sample[:12]}), was {one.before}: {one.why}")
    if len(rows) > SHOWN:
        say(f"{what}: and {len(rows) - SHOWN} more; --json tells all.")
