"""`slipway channel export`: the channel in a folder, such as a USB stick."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from slipway.platform.cli.output import DryRun, Json, print_json, say
from slipway.platform.cli.session import load_settings

if TYPE_CHECKING:
    from slipway.serving.release.exporting import Plan

app = typer.Typer(add_completion=False)

MEGABYTE: Final = 1_000_000


@app.command()
def export(
    place: Annotated[Path, typer.Argument(metavar="DIR", help="A folder, made if need be; a stick's own is fine.")],
    *,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="NAME", help="Only what devices of this model need; repeatable."),
    ] = None,
    device_class: Annotated[
        list[str] | None, typer.Option("--class", metavar="NAME", help="Only for devices of this class; repeatable.")
    ] = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Write what devices need from the channel into a folder, which they install from without a network.

    The same signatures, so devices make the same checks. Again into the same folder brings it up to date; whoever reads
    it meanwhile sees the old state or the new one.
    """
    from datetime import UTC, datetime

    from slipway.platform.cli.data.meter import meter
    from slipway.serving.release import exporting
    from slipway.serving.release.inspecting import standing_of
    from slipway.serving.release.places import StoreTransport
    from slipway.serving.release.tuf_repository import TufRepository

    repository = TufRepository.open(load_settings())
    _refuse_own(place, repository.store.url)
    source, now = StoreTransport(repository.store), datetime.now(UTC)
    standing = standing_of(repository)
    models, sites = ([one.pointer.model for one in standing.models], [one.pointer.site for one in standing.sites])
    wanted = exporting.Wanted(tuple(model or ()), tuple(device_class or ()), tuple(sites))
    plan = exporting.plan(source, models, wanted, now=now)
    if not dry_run:
        with meter() as shown:
            exporting.write(plan, source, place, now=now, meter=shown)
    if json:
        print_json(_data(plan, place))
        return
    verb = "would hold" if dry_run else "holds"
    typer.echo(
        f"{place} {verb} {plan.files} files, {told_size(plan.size)}, good until {plan.good_until:%Y-%m-%d %H:%M} UTC."
    )
    for one in plan.carried:
        why = f", {one.why}" if one.why else ""
        classes = ", ".join(one.classes) or "none of these classes"
        typer.echo(f"{one.model} release {one.number}{why} ({one.bundle[:12]}): {classes}")
    say("Nothing was written." if dry_run else f"On a device: slipway-edge install {place}")


def _refuse_own(place: Path, channel: str) -> None:
    """What a stick does not need would be removed from the channel itself."""
    from slipway.platform.errors import WrongUse

    if channel.startswith("s3://"):
        return
    own, other = Path(channel).expanduser().resolve(), place.resolve()
    if own == other or own in other.parents or other in own.parents:
        what = "is" if own == other else "lies in" if own in other.parents else "holds"
        raise WrongUse(
            f"{place} {what} the channel itself: what it does not need would be removed there.",
            mend="Name a folder elsewhere.",
        )


def told_size(count: int) -> str:
    """Bytes as people read them."""
    return f"{count / 1e6:,.1f} MB" if count >= MEGABYTE else f"{count / 1e3:,.1f} kB"


def _data(plan: "Plan", place: Path) -> dict[str, Any]:
    carried = [
        {"model": one.model, "release": one.number, "bundle": one.bundle, "classes": list(one.classes),
         "on_its_way": one.on_its_way, "pinned": list(one.pinned)}
        for one in plan.carried
    ]  # fmt: skip
    return {
        "folder": str(place),
        "good_until": plan.good_until,
        "files": plan.files,
        "bytes": plan.size,
        "carried": carried,
    }
