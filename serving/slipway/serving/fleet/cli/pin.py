"""`slipway fleet pin`: a device or a site that stays with one release."""

from typing import Annotated

import typer

from slipway.platform.cli.model.arguments import open_desk
from slipway.platform.cli.output import DryRun, Json, Yes
from slipway.serving.release.cli.arguments import Reason, Request
from slipway.serving.release.cli.holding import Until, hold

app = typer.Typer(add_completion=False)


@app.command()
def pin(  # noqa: PLR0913 - options, which people write by name
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="[DEVICE] MODEL [RELEASE]",
            help="The device, unless --site names a site; the model; and the number of the release, unless --remove.",
        ),
    ],
    *,
    site: Annotated[str | None, typer.Option("--site", metavar="S", help="All devices of this site.")] = None,
    until: Until = None,
    remove: Annotated[bool, typer.Option("--remove", help="They run what the others do again.")] = False,
    reason: Reason,
    request: Request = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Let a device, or the devices of a site, stay with one release until a moment. It takes the role operator.

    The release must be known, at or above the floor, and not quarantined; a device proves it as every other. A device's
    own pin comes before that of its site. An undo of the release ends the pin.
    """
    from slipway.serving.release.asking import until_asked
    from slipway.serving.release.folding import known_rollout
    from slipway.serving.release.moving import pinning, unpinning

    device, model, release = _named(names, site, until, remove=remove)
    holder = ("site", site) if site is not None else ("device", device)
    desk = open_desk()
    if release is None or until is None:
        wanted = unpinning(holder)
    else:
        wanted = pinning(holder, release, until_asked(until, desk.now()))
    hold(desk, known_rollout(desk, model)[0].model, wanted, (reason, request), dry_run=dry_run, yes=yes, json=json)


def _named(names: list[str], site: str | None, until: str | None, *, remove: bool) -> tuple[str, str, int | None]:
    """Device (empty with a site), model, release (none to remove)."""
    from slipway.platform.errors import WrongUse

    wanted = (site is None) + 1 + (not remove)
    if len(names) != wanted or remove == (until is not None):
        whom = "--site S" if site is not None else "DEVICE"
        raise WrongUse(
            f"Expected {whom}, MODEL and {'nothing else' if remove else 'RELEASE with --until'}, found "
            f"{' '.join(names)}{' --until' if until else ''}.",
            mend=f"`slipway fleet pin {whom} MODEL RELEASE --until 7d --reason …`, or "
            f"`slipway fleet pin {whom} MODEL --remove --reason …`.",
        )
    device, rest = ("", names) if site is not None else (names[0], names[1:])
    if remove:
        return device, rest[0], None
    if not (rest[1].isascii() and rest[1].isdecimal()):
        raise WrongUse(
            f"`{rest[1]}` is no number of a release.",
            mend=f"`slipway rollout history {rest[0]}` tells of all releases.",
        )
    return device, rest[0], int(rest[1])
