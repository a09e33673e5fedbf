"""`slipway context`: list, choose and show contexts."""

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slipway.platform.cli.output import Json, print_fields, print_json, print_table, say
from slipway.platform.cli.session import context_names, current_folder, load_settings

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

app = typer.Typer(
    add_completion=False, help="List, choose and show contexts: named sets of settings, kept in slipway.toml."
)


@app.command("list")
def list_contexts(json: Json = False) -> None:
    """List the contexts of this project; the current one is marked."""
    loaded = load_settings()
    described = [_describe(loaded, name) for name in loaded.file.names()]
    if json:
        print_json(described)
        return
    rows = [
        [
            "*" if one["current"] else "",
            one["name"],
            "protected" if one["protected"] else "",
            one["store"],
            one["mlflow"],
        ]
        for one in described
    ]
    print_table(["", "name", "", "store", "mlflow"], rows)


@app.command()
def use(
    name: Annotated[str, typer.Argument(help="A context of `slipway context list`.", autocompletion=context_names)],
) -> None:
    """Choose the context that commands in this project use from now on."""
    from slipway.platform.errors import WrongUse
    from slipway.platform.names import suggestion
    from slipway.platform.settings.files import project_root, write_chosen_context

    root = project_root(current_folder())
    names = context_names()
    if name not in names:
        raise WrongUse(f"There is no context `{name}`.", mend=suggestion(name, names))
    write_chosen_context(root, name)
    typer.echo(f"Context `{name}` from now on in {root}.")
    if os.environ.get("SLIPWAY_CONTEXT"):
        say(f"SLIPWAY_CONTEXT={os.environ['SLIPWAY_CONTEXT']} is set here and goes before that choice.")


@app.command()
def show(
    name: Annotated[str | None, typer.Argument(help="A context; the current one if left out.")] = None,
    json: Json = False,
) -> None:
    """Show one context: what chose it, whether it is protected, and where its parts are."""
    loaded = load_settings()
    described = _describe(loaded, name or loaded.context)
    if json:
        print_json(described)
        return
    print_fields({key: _text(value) for key, value in described.items()})


def _text(value: object) -> str:
    """A described value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value or "-")


def _describe(loaded: "Loaded", name: str) -> dict[str, Any]:
    """What there is to say about a context, as data."""
    from slipway.platform.masking import masked
    from slipway.platform.settings import load

    settings = load(loaded.root, {**os.environ, "SLIPWAY_CONTEXT": name}).settings
    current = name == loaded.context
    return {
        "name": name,
        "current": current,
        "chosen_by": loaded.chosen_by if current else None,
        "protected": settings.protected,
        "file": str(loaded.file.path) if loaded.file.path else None,
        "store": masked(settings.store.url),
        "data_remote": masked(settings.data.remote),
        "mlflow": masked(settings.mlflow.tracking_uri),
        "airflow": masked(settings.airflow.url) if settings.airflow.url else None,
        "namespace": settings.kubernetes.namespace,
        "targets": sorted(settings.targets),
    }
