"""`slipway data commit|push|pull|versions|status|gc`: naming snapshots and moving them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from slipway.platform.cli.data.meter import MIB, meter
from slipway.platform.cli.output import DryRun, Json, Yes, print_fields, print_json, print_table, say
from slipway.platform.cli.session import confirm_change, load_settings

if TYPE_CHECKING:
    from slipway.platform.data.garbage import Garbage
    from slipway.platform.data.history import Version
    from slipway.platform.data.pointer import Pointer
    from slipway.platform.data.project import Project
    from slipway.platform.data.record import Record
    from slipway.platform.data.standing import Standing
    from slipway.platform.settings import Loaded

app = typer.Typer(add_completion=False)

SHORT = 12

Digest = Annotated[str | None, typer.Option("--digest", help="A snapshot's digest, or an unambiguous beginning.")]
Revision = Annotated[str | None, typer.Option("--rev", help="A git revision whose data.dvc names the snapshot.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is in data/, committed or not.")]
Older = Annotated[
    int | None,
    typer.Option("--older", metavar="DAYS", min=1, help="Also what only snapshots older than this need."),
]


@app.command()
def commit(dry_run: DryRun = False, yes: Yes = False, json: Json = False) -> None:
    """Let data.dvc name what is in data/, and record it in the store. Makes no git commit."""
    from slipway.platform.data.commit import commit as commit_data

    loaded, project = _project()
    if not dry_run:
        confirm_change(loaded, "record the snapshot in data/ in the store", yes)
    with meter() as watcher:
        done = commit_data(project, watcher, dry_run=dry_run)
    counts = dict(done.record.manifest.counts)
    if json:
        print_json({"digest": done.pointer.digest, "earlier": done.earlier, "counts": counts, "dry_run": dry_run})
        return
    told = ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
    if not done.changed:
        typer.echo(f"data.dvc names snapshot {done.pointer.digest[:SHORT]} already ({told}).")
        return
    typer.echo(f"data.dvc {'would name' if dry_run else 'names'} snapshot {done.pointer.digest} ({told}).")
    if not dry_run:
        say("No git commit was made: `git add data.dvc`, and `slipway data push` to share the data.")
        if project.git("rev-parse", "--git-dir") and project.git("check-ignore", "-q", "data") is None:
            say("git does not ignore data/: add `/data/` to .gitignore.")


@app.command()
def push(digest: Digest = None, dry_run: DryRun = False, yes: Yes = False, json: Json = False) -> None:
    """Send the objects of a snapshot that the remote lacks; data.dvc's snapshot if none is named."""
    from slipway.platform.data.obtain import record_of
    from slipway.platform.data.push import push as push_data

    loaded, project = _project()
    if not dry_run:
        confirm_change(loaded, f"write to the remote {project.remote.url}", yes)
    record = _recorded(project, digest) if digest else record_of(project, project.pointer(), remember=not dry_run)
    with meter() as watcher:
        pushed = push_data(project, record, watcher, dry_run=dry_run)
    if json:
        print_json({"digest": pushed.digest, "remote": pushed.remote, "objects": pushed.objects, "bytes": pushed.size})
        return
    if not pushed.objects:
        typer.echo(f"The remote {pushed.remote} has snapshot {pushed.digest[:SHORT]} already.")
        return
    verb = "Would push" if dry_run else "Pushed"
    typer.echo(
        f"{verb} {len(pushed.objects)} objects ({pushed.size / MIB:.1f} MiB) of snapshot "
        f"{pushed.digest[:SHORT]} to {pushed.remote}."
    )


@app.command()
def pull(
    rev: Revision = None, digest: Digest = None, force: Force = False, dry_run: DryRun = False, json: Json = False
) -> None:
    """Bring data/ to the snapshot that data.dvc names, or to another one, which data.dvc then names."""
    from slipway.platform.data.worktree import pull as pull_data

    _, project = _project()
    pointer = _wanted(project, rev, digest)
    with meter() as watcher:
        pulled = pull_data(project, pointer, watcher, force=force, dry_run=dry_run)
    if json:
        moved = {"data_changed": pulled.changed, "data_dvc_changed": pulled.pointer_moved, "dry_run": dry_run}
        print_json({"digest": pulled.pointer.digest} | moved)
        return
    verb = "would be" if dry_run and pulled.changed else "is"
    typer.echo(f"data/ {verb} snapshot {pulled.pointer.digest[:SHORT]} {'now' if pulled.changed else 'already'}.")
    if pulled.pointer_moved:
        say(f"data.dvc {'would name' if dry_run else 'names'} it now. No git commit was made.")


@app.command()
def versions(json: Json = False) -> None:
    """List all known snapshots, from the git history of data.dvc and the store's records."""
    from slipway.platform.data.history import presence
    from slipway.platform.data.history import versions as known_versions
    from slipway.platform.data.record import tree_of

    _, project = _project()
    found = known_versions(project)
    trees = {}
    for one in found:
        if one.record is not None:
            trees[one.digest] = tree_of(one.record.md5)[0]
        elif one.pointer is not None:
            trees[one.digest] = one.pointer.tree
    there = presence(trees, project.cache, project.remote)
    described = [_describe(one, there.get(one.digest, (False, False))) for one in found]
    if json:
        print_json(described)
        return
    columns = ["snapshot", "date", "images", "boxes", "source", "cache", "remote", "named by"]
    print_table(columns, [_row(one) for one in described])


@app.command()
def status(json: Json = False) -> None:
    """Compare data/ with data.dvc, with HEAD, and with what cache, store and remote have."""
    from slipway.platform.data.standing import standing

    _, project = _project()
    with meter() as watcher:
        found = standing(project, watcher)
    if json:
        print_json(found.to_json())
        return
    print_fields(_fields(found))
    if found.advice:
        say(f"Next: {found.advice}")


@app.command()
def gc(older: Older = None, dry_run: DryRun = False, yes: Yes = False, json: Json = False) -> None:
    """Remove objects of cache and remote that no known snapshot needs, after asking."""
    from datetime import timedelta

    from slipway.platform.cli.session import NotConfirmed
    from slipway.platform.data.garbage import collect, find_garbage

    _, project = _project()
    garbage = find_garbage(project, older=None if older is None else timedelta(days=older))
    if json:
        print_json(
            {"cache": garbage.cached, "remote": garbage.remote, "released": garbage.released, "bytes": garbage.size}
        )
    else:
        _tell_garbage(garbage)
    if dry_run or not (garbage.cached or garbage.remote or garbage.folders):
        return
    if not yes and not _agreed():
        raise NotConfirmed("Nothing was removed.")
    collect(garbage, project.cache, project.remote)
    say("Removed.")


def _agreed() -> bool:
    import sys

    from slipway.platform.errors import WrongUse

    if not sys.stdin.isatty():
        raise WrongUse(
            "Nobody can be asked here whether to remove these objects.", mend="Add --yes to remove, or --dry-run."
        )
    return typer.confirm("Remove them for good?", err=True)


def _project() -> "tuple[Loaded, Project]":
    from slipway.platform.data.project import Project

    loaded = load_settings()
    return loaded, Project(loaded.root, loaded.settings)


def _wanted(project: "Project", rev: str | None, digest: str | None) -> "Pointer":
    """The pointer that the options name."""
    from slipway.platform.errors import WrongUse

    if rev and digest:
        raise WrongUse("Both --rev and --digest name a snapshot.", mend="Give one of them.")
    if rev:
        return project.pointer_named(rev)
    if not digest:
        return project.pointer()
    found = _version(project, digest)
    pointer = found.record.pointer() if found.record else found.pointer
    assert pointer is not None  # noqa: S101 - a version is known from one or the other
    return pointer


def _recorded(project: "Project", digest: str) -> "Record":
    from slipway.platform.data.obtain import record_of

    return record_of(project, _wanted(project, None, digest))


def _version(project: "Project", beginning: str) -> "Version":
    from slipway.platform.data.history import versions as known_versions
    from slipway.platform.data.record import resolve

    known = {one.digest: one for one in known_versions(project)}
    return known[resolve(beginning, known, "git's history of data.dvc and the store's records")]


def _describe(version: "Version", there: tuple[bool, bool | None]) -> dict[str, Any]:
    manifest = version.record.manifest if version.record else None
    pointer = version.pointer
    sources = [one.source for one in manifest.provenance] if manifest else []
    return {
        "digest": version.digest,
        "date": version.date.isoformat(timespec="seconds") if version.date else None,
        "counts": dict(manifest.counts) if manifest else None,
        "licence": manifest.licence if manifest else None,
        "provenance": sources or ([pointer.source] if pointer and pointer.source else []),
        "cache": there[0],
        "remote": there[1],
        "recorded": version.record is not None,
        "names": version.names,
        "commits": version.commits,
    }


def _row(one: dict[str, Any]) -> list[str]:
    def yes_no(value: bool | None) -> str:
        return "?" if value is None else "yes" if value else "no"

    counts = one["counts"] or {}
    sources = one["provenance"]
    return [
        one["digest"][:SHORT],
        (one["date"] or "-")[:16].replace("T", " "),
        str(counts.get("images", "-")),
        str(counts.get("boxes", "-")),
        (f"{sources[0]} +{len(sources) - 1}" if len(sources) > 1 else sources[0]) if sources else "-",
        yes_no(one["cache"]),
        yes_no(one["remote"]),
        ", ".join(one["names"]) or (f"commit {one['commits'][0][:8]}" if one["commits"] else "record"),
    ]


def _fields(found: "Standing") -> dict[str, str]:
    tree, pointer = found.tree, found.pointer
    trouble = [
        f"{len(names)} {word}: {names[0]}"
        for word, names in (("missing", tree.missing), ("damaged", tree.damaged), ("edited", tree.edited))
        if names
    ]

    def lacking(count: int | None) -> str:
        return "not known" if count is None else f"lacks {count} objects" if count else "has it"

    return {
        "data/": f"{(tree.digest or 'no snapshot')[:SHORT]}  {'; '.join(trouble) or ('clean' if tree.clean else '')}",
        "data.dvc": pointer.digest[:SHORT] if pointer else "none",
        "HEAD": found.head.digest[:SHORT] if found.head else "none",
        "cache": lacking(found.not_cached),
        "store": "has the record" if found.record else "has no record",
        "remote": found.trouble or lacking(found.not_remote),
    }


def _tell_garbage(garbage: "Garbage") -> None:
    rows = [
        [where, str(len(objects)), f"{sum(objects.values()) / MIB:.1f} MiB"]
        for where, objects in (("cache", garbage.cached), ("remote", garbage.remote))
    ]
    print_table(["place", "objects", "size"], rows)
    for folder in garbage.folders:
        typer.echo(f"folder {folder}")
    for digest in garbage.released:
        typer.echo(f"released {digest}")
