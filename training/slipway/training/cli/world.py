"""`slipway world`: list, render and preview the scenarios of the rendered parking sites."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.cli.output import DryRun, Json, print_fields, print_json, print_table, say
from slipway.training.cli.remarks import remarks

if TYPE_CHECKING:
    from slipway.training.world.scenarios import Scenario

app = typer.Typer(add_completion=False, help="The rendered parking sites.")

Name = Annotated[str, typer.Argument(help="A scenario, as `slipway world list` shows them.")]


@app.callback()
def _group() -> None:
    """The rendered parking sites."""


@app.command(name="list")
def list_scenarios(*, json: Json = False) -> None:
    """Show the scenarios; each planted one has a clean twin that differs in nothing else."""
    from slipway.training.world.scenarios import scenarios

    found = list(scenarios().values())
    if json:
        print_json([_described(one) for one in found])
        return
    print_table(["scenario", "seed", "what it is"], [[one.name, str(one.seed), one.summary] for one in found])


@app.command()
def render(
    name: Name,
    dest: Annotated[Path, typer.Argument(help="The snapshot's folder: new, empty, or a snapshot that is replaced.")],
    *,
    jobs: Annotated[int, typer.Option(min=0, help="Processes; 0 takes as many as there are cores.")] = 0,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Render a scenario into a snapshot; the same seed and version give the same bytes on every machine."""
    from slipway.platform.machine import cores
    from slipway.training.world.rendering import check_target
    from slipway.training.world.rendering import render as render_now
    from slipway.training.world.scenarios import scenario_of

    scenario = scenario_of(name)
    replaced = check_target(dest)
    if dry_run:
        _tell({"would render": scenario.snapshot, "into": str(dest), "replacing": replaced or "nothing"}, json=json)
        return
    with remarks() as progress:
        manifest = render_now(name, dest, jobs or cores().threads, progress)
    size = sum(entry.size for entry in manifest.files.values())
    counts = {what: str(count) for what, count in manifest.counts.items()}
    _tell({"snapshot": manifest.digest, "folder": str(dest), **counts, "MB": f"{size / 1e6:.1f}"}, json=json)


@app.command()
def preview(
    name: Name,
    picture: Annotated[Path, typer.Argument(metavar="OUT.png", help="The picture to write.")],
    *,
    dry_run: DryRun = False,
) -> None:
    """Write a contact sheet: scenes with boxes, crops by identity, bays."""
    from slipway.platform.errors import WrongUse
    from slipway.training.world.preview import preview as draw_preview
    from slipway.training.world.scenarios import scenario_of

    scenario = scenario_of(name)
    if picture.suffix.lower() != ".png":
        raise WrongUse(f"{picture} is no PNG by its name.", mend=f"Write it to {picture.with_suffix('.png')}.")
    if dry_run:
        say(f"would write a preview of {scenario.snapshot} to {picture}")
        return
    with remarks() as progress:
        draw_preview(name, picture, progress)
    typer.echo(str(picture))


def _described(scenario: "Scenario") -> dict[str, str | int | None]:
    from slipway.training.world.scenarios import VERSION, clean_twin

    return {
        "name": scenario.name,
        "snapshot": scenario.snapshot,
        "summary": scenario.summary,
        "seed": scenario.seed,
        "version": VERSION,
        "planted": scenario.fault,
        "clean_twin": clean_twin(scenario.name),
    }


def _tell(fields: dict[str, str], *, json: bool) -> None:
    if json:
        print_json(fields)
    else:
        print_fields(fields)
