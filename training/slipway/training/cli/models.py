"""`slipway models`: what models there are, what each declares, and whether their folders are whole."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from slipway.platform.cli.output import Json, print_fields, print_json, print_table, say
from slipway.platform.cli.session import load_settings
from slipway.training.cli.completing import models as model_names

if TYPE_CHECKING:
    from slipway.platform.models.finder import Model
    from slipway.platform.models.schema import Declaration
    from slipway.training.config.consistency import Finding

app = typer.Typer(add_completion=False, help="List, show and check models.")


Name = Annotated[str, typer.Argument(metavar="MODEL", help="A model's name.", autocompletion=model_names)]
SomeName = Annotated[str | None, typer.Argument(metavar="[MODEL]", help="Only this one.", autocompletion=model_names)]


@app.callback(invoke_without_command=True)
def list_models(context: typer.Context, *, json: Json = False) -> None:
    """List the models that are installed, or show or check one."""
    from slipway.platform.models.finder import installed_models

    if context.invoked_subcommand is not None:
        return
    models = installed_models()
    if json:
        print_json([_listed(model) for model in models.values()])
        return
    rows = [_row(model) for model in models.values()]
    print_table(["model", "owner", "team", "risk", "retrained on", "what it is for"], rows)


@app.command()
def show(name: Name, *, json: Json = False) -> None:
    """Show what a model declares."""
    from slipway.platform.models.finder import model_named

    model = model_named(name)
    declared = model.declaration
    if json:
        print_json({**_listed(model), "declaration": declared.model_dump(mode="json", by_alias=True)})
        return
    print_fields(_fields(model, declared))


@app.command()
def check(name: SomeName = None, *, json: Json = False) -> None:
    """Say whether models' folders are whole: declaration, expectations, configs with all options, task, people.

    Exit code 1 when something stops a model from being used; warnings do not count.
    """
    from slipway.platform.identity.people_file import load_people
    from slipway.platform.models.finder import installed_models, model_named
    from slipway.training.config.consistency import examine

    people = load_people(load_settings().settings.identity.people)
    models = list(installed_models().values()) if name is None else [model_named(name)]
    findings = {model.name: examine(model, people) for model in models}
    if json:
        print_json([{"model": name, **vars(one)} for name, found in findings.items() for one in found])
    else:
        _print_findings(findings)
    raise typer.Exit(1 if any(one.blocking for found in findings.values() for one in found) else 0)


def _print_findings(findings: "dict[str, list[Finding]]") -> None:
    for name, found in findings.items():
        blocking = any(one.blocking for one in found)
        typer.echo(f"{name}: {'failed' if blocking else 'ok'}")
        for one in found:
            say(f"  {'' if one.blocking else 'warning: '}{one.message}")
            if one.mend:
                say(f"    {one.mend}")


def _listed(model: "Model") -> dict[str, Any]:
    """A model for scripts; one that cannot be read says why and hides no other."""
    from slipway.platform.errors import WrongUse

    place = {"name": model.name, "folder": str(model.folder), "package": model.package}
    try:
        declared = model.declaration
    except WrongUse as error:
        return {**place, "error": str(error)}
    told = {"owner": declared.owner, "team": declared.team, "risk": declared.risk.level, "purpose": declared.purpose}
    return {**place, **told, "retrain_on": list(declared.retrain.on), "error": None}


def _row(model: "Model") -> list[str]:
    told = _listed(model)
    if told["error"] is not None:
        return [model.name, "", "", "", "", f"cannot be read: {told['error']}".partition("\n")[0]]
    causes = ", ".join(told["retrain_on"]) or "nothing"
    return [model.name, told["owner"], told["team"], told["risk"], causes, told["purpose"]]


def _fields(model: "Model", declared: "Declaration") -> dict[str, str]:
    schedule = f" ({declared.retrain.schedule})" if declared.retrain.schedule else ""
    fields = {
        "name": declared.name,
        "folder": str(model.folder),
        "purpose": declared.purpose,
        "owner": f"{declared.owner}, team {declared.team}",
        "risk": f"{declared.risk.level}: {' '.join(declared.risk.reasons)}",
        "value": f"{declared.value.kpi} ({declared.value.owner})",
        "retrained on": (", ".join(declared.retrain.on) or "nothing") + schedule,
        "data": ", ".join(f"{column}={'|'.join(values)}" for column, values in declared.data.view.where) or "all",
    }
    for name, device in declared.devices.items():
        fields[f"device {name}"] = (
            f"{device.runtime}, {' > '.join(device.variants)}, batch {device.batch}: at most {device.latency_ms:g} ms, "
            f"{device.memory_mb:g} MB of memory, {device.size_mb:g} MB of file"
        )
    for tensor in declared.export.tensors:
        fields[f"tensor {tensor.name}"] = f"{tensor.dtype} {list(tensor.dims)}".replace("'", "")
    return fields
