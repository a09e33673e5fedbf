"""`slipway new`: make a model's folder that trains at once."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.cli.output import DryRun, Json, print_fields, print_json, say
from slipway.platform.cli.session import load_settings

if TYPE_CHECKING:
    from slipway.platform.models.finder import Model
    from slipway.platform.settings import Loaded
    from slipway.training.new.making import Wish

app = typer.Typer(add_completion=False, help="Make something new.")

DETECT, CLASSIFY = "detect", "classify"


def _kinds() -> list[str]:
    from slipway.training.new.making import kinds

    return kinds()


@app.callback()
def _group() -> None:
    """Make something new."""


@app.command()
def model(  # noqa: PLR0913 - what a person may say
    name: Annotated[str, typer.Argument(help="The model's name, such as harbour-boats.")],
    *,
    kind: Annotated[str, typer.Option("--from", help="detect, reid, classify or blank.", autocompletion=_kinds)],
    folder: Annotated[
        Path | None, typer.Option("--in", help="The package's folder; the one in this project unless given.")
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="What it finds or tells apart, a,b,c; the snapshot's categories unless given.")
    ] = None,
    snapshot: Annotated[
        str | None, typer.Option(metavar="REF", help="Where categories and sizes come from; data/ unless given.")
    ] = None,
    owner: Annotated[str | None, typer.Option(help="Who answers for it; you unless given.")] = None,
    team: Annotated[str, typer.Option(help="The team that looks after it.")] = "unassigned",
    purpose: Annotated[str | None, typer.Option(help="What it is for, in a sentence.")] = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Make a model's folder from a template: declaration, expectations, configs and code, ready for `slipway train`."""
    from slipway.training.new.making import checked_kind, checked_name, files_of, make, place_for

    checked_name(name)
    checked_kind(kind)
    loaded = load_settings()
    place = place_for(folder, loaded.root)
    wish = _wish(name, kind, loaded, classes=classes, snapshot=snapshot, owner=owner, team=team, purpose=purpose)
    files = files_of(wish, place)
    if not dry_run:
        _check(make(wish, place))
    target = place.folder / name.replace("-", "_")
    if json:
        print_json({"model": name, "folder": str(target), "classes": list(wish.classes), "files": list(files)})
        return
    fields = {"would make" if dry_run else "made": str(target), "files": ", ".join(files)}
    print_fields({**fields, "classes": ", ".join(wish.classes)} if wish.classes else fields)
    if not dry_run:
        say(f"\nNext: slipway train {name}{_on(loaded, snapshot)}")
        say(f"Then say in {target / 'model.yaml'} what it is for and whom it could harm.")


def _wish(  # noqa: PLR0913 - what a person may say
    name: str,
    kind: str,
    loaded: "Loaded",
    *,
    classes: str | None,
    snapshot: str | None,
    owner: str | None,
    team: str,
    purpose: str | None,
) -> "Wish":
    from slipway.training.new.looking import USUAL, categories, input_size, purpose_of
    from slipway.training.new.making import Wish

    data = _data(loaded, snapshot) if kind in (DETECT, CLASSIFY) else None
    named = [one.strip() for one in classes.split(",") if one.strip()] if classes else []
    if not named and data is not None:
        named = categories(data, alone=kind == CLASSIFY)
    return Wish(
        name=name,
        kind=kind,
        owner=owner or _owner(loaded),
        team=team,
        purpose=purpose or purpose_of(kind, named),
        classes=_enough(kind, named),
        size=input_size(data) if data is not None else USUAL,
    )


def _enough(kind: str, classes: list[str]) -> list[str]:
    """A detector needs something to find, a classifier two things to tell apart."""
    from slipway.platform.errors import WrongUse

    needed = {DETECT: 1, CLASSIFY: 2}.get(kind, 0)
    if len(classes) < needed:
        raise WrongUse(
            f"`{kind}` needs {needed} or more categories, found {len(classes)}.",
            mend="Name them with --classes a,b, or a snapshot that has them with --snapshot.",
        )
    return classes if needed else []


def _data(loaded: "Loaded", reference: str | None) -> Path | None:
    """The snapshot that a new model looks at; none where there is none yet."""
    from slipway.platform.data.manifest import NAME
    from slipway.platform.data.project import Project
    from slipway.platform.data.reference import resolve

    if reference is not None:
        return resolve(reference, loaded)
    folder = Project(loaded.root, loaded.settings).data
    return folder if (folder / NAME).is_file() else None


def _on(loaded: "Loaded", reference: str | None) -> str:
    """What `slipway train` must be told of the snapshot; nothing where what lies in `data/` is committed."""
    from slipway.platform.data.manifest import NAME, read_manifest
    from slipway.platform.data.pointer import FOLDER, read_pointer

    committed = read_pointer(loaded.root)
    folder = loaded.root / FOLDER
    there = read_manifest(folder).digest if (folder / NAME).is_file() else None
    if reference is None and committed is not None and there in {None, committed.digest}:
        return ""
    return f" --snapshot {reference or FOLDER}"


def _owner(loaded: "Loaded") -> str:
    from slipway.platform.jobs.asking import submitted_by
    from slipway.platform.models.names import is_model_name

    person = submitted_by(loaded.settings.identity).lower().replace(".", "-")
    return person if is_model_name(person) else "owner"


def _check(made: "Model") -> None:
    """What was made is whole, or that is a bug that a person should hear of now."""
    from slipway.platform.errors import SlipwayError
    from slipway.training.config.consistency import examine

    wrong = [one for one in examine(made) if one.blocking]
    if wrong:
        raise SlipwayError(f"{made.folder} is made and cannot be used: {wrong[0].message}", mend=wrong[0].mend)
