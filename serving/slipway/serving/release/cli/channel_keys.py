"""`slipway channel rotate-key`: other keys for a role."""

from typing import Annotated

import typer

from slipway.platform.cli.output import DryRun, Json, Yes, print_json, say
from slipway.platform.cli.session import confirm_change, load_settings

app = typer.Typer(add_completion=False)


def _role_names() -> list[str]:
    from slipway.serving.release.roles import HOLDERS

    return list(HOLDERS)


@app.command("rotate-key")
def rotate_key(  # noqa: PLR0913 - options, which people write by name
    role: Annotated[
        list[str],
        typer.Argument(
            metavar="ROLE...",
            help="root, targets, models, channels, snapshot, timestamp; several may change at once.",
            autocompletion=_role_names,
        ),
    ],
    *,
    replace: Annotated[str | None, typer.Option("--replace", metavar="NAME", help="Who holds it no longer…")] = None,
    by: Annotated[str | None, typer.Option("--with", metavar="NAME", help="…and who does instead.")] = None,
    add: Annotated[list[str] | None, typer.Option("--add", metavar="NAME", help="Who holds it, too.")] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="NAME", help="Who holds it no longer.")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Have a role signed by other keys: the newest trusted ones of its holders, or of others.

    Also for a key that was lost or stolen: revoke it in the people file first, have its owner's new key trusted there,
    then run this. `root` and `targets` change together. Two holders of root must agree to every change.
    """
    from slipway.platform.errors import WrongUse
    from slipway.platform.registry.desk import Desk
    from slipway.serving.release import rotating
    from slipway.serving.release.opening import open_repository

    if (replace is None) != (by is None):
        raise WrongUse("--replace and --with go together.", mend="--replace NAME --with NAME")
    loaded = load_settings()
    repository = open_repository(Desk.of(loaded))
    exchange = rotating.Exchange(replace, by, tuple(add or ()), tuple(remove or ()))
    rotation = rotating.planned(repository, role, exchange)
    for line in rotation.lines:
        say(line)
    if not rotation.lines:
        say("Nothing to change: these are the keys that the role names.")
    else:
        say(rotating.effect(rotation.roles))
    if dry_run:
        if json:
            print_json({"roles": list(rotation.roles), "changes": list(rotation.lines), "waits": []})
        say("Nothing was changed.")
        return
    if rotation.lines:
        confirm_change(loaded, f"change the keys of {', '.join(rotation.roles)}", yes)
    waits = rotating.rotate(repository, rotation)
    if json:
        print_json({"roles": list(rotation.roles), "changes": list(rotation.lines), "waits": list(waits)})
        return
    for line in waits:
        typer.echo(line)
    if rotation.lines and not waits:
        typer.echo(f"Done: devices are told of the new keys of {', '.join(rotation.roles)}.")
