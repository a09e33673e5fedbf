"""`slipway site`: how the devices of a site work, staged and undone as a release is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slipway.platform.cli.model.arguments import open_desk
from slipway.platform.cli.output import DryRun, Json, Yes, print_fields, print_json, print_table, say
from slipway.platform.cli.session import confirm_change
from slipway.serving.release.cli.arguments import Cohort, Reason, Request, Share, tell_channel, tell_dry

if TYPE_CHECKING:
    from slipway.serving.release.configuring import Change
    from slipway.serving.release.sites import Configuration, Site

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Say how the devices of a site work: streams, areas, masks, thresholds, maintenance windows.",
)
SiteName = Annotated[str, typer.Argument(metavar="SITE", help="A site.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A configuration in YAML.")]


@app.command("set")
def set_site(  # noqa: PLR0913 - options, which people write by name
    site: SiteName,
    file: File,
    *,
    share: Share = None,
    cohort: Cohort = None,
    reason: Reason,
    request: Request = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Set a site's configuration: for all its devices, or for a share or cohort of them first.

    It takes the role operator. What is there already changes nothing.
    """
    from slipway.serving.release.asking import wave_asked
    from slipway.serving.release.configuring import setting
    from slipway.serving.release.site_files import read_site

    staged = share is not None or cohort is not None
    wanted = setting(read_site(file), wave_asked(share, cohort) if staged else None)
    _change(site, wanted, (reason, request), dry_run=dry_run, yes=yes, json=json)


@app.command()
def advance(  # noqa: PLR0913 - options, which people write by name
    site: SiteName,
    *,
    share: Share = None,
    cohort: Cohort = None,
    finish: Annotated[bool, typer.Option("--finish", help="All devices of the site follow it.")] = False,
    reason: Reason = "",
    request: Request = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Let more devices of a site follow what is on its way, or all of them. It takes the role operator."""
    from slipway.platform.errors import WrongUse
    from slipway.serving.release.asking import wave_asked
    from slipway.serving.release.configuring import settling, widening

    if finish == (share is not None or cohort is not None):
        raise WrongUse(
            "Expected either --finish, or --share or --cohort.",
            mend=f"`slipway site advance {site} --share 50`, or `slipway site advance {site} --finish`.",
        )
    wanted = settling() if finish else widening(wave_asked(share, cohort))
    _change(site, wanted, (reason, request), dry_run=dry_run, yes=yes, json=json)


@app.command()
def undo(
    site: SiteName,
    *,
    reason: Reason,
    request: Request = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Take back what is on its way, else what was set last: devices follow what they followed before.

    It takes the role operator. The same undo, made again, changes nothing until something was set or advanced.
    """
    from slipway.serving.release.configuring import returning

    _change(site, returning(), (reason, request), dry_run=dry_run, yes=yes, json=json)


@app.command()
def show(
    site: SiteName,
    json: Json = False,  # noqa: FBT002 - an option, which people write by name
) -> None:
    """Show what the devices of a site follow, what is on its way, and how it came to that."""
    import yaml

    from slipway.platform.ledger.describing import by, moment, plain

    found = _known(site)
    if json:
        print_json(_data(found))
        return
    print_fields(_fields(found))
    if found.newest:
        typer.echo("")
        config = found.newest.config.model_dump(mode="json", exclude_defaults=True)
        typer.echo(yaml.safe_dump(config, sort_keys=False, allow_unicode=True).rstrip())
    typer.echo("")
    rows = [
        [str(one.written.entry.number), moment(one.written.entry.at), str(one.number), one.what, by(one.written),
         plain(one.written.entry.decision.reason)]
        for one in found.steps
    ]  # fmt: skip
    print_table(("entry", "at (UTC)", "configuration", "what", "who", "why"), rows)


@app.command()
def diff(
    site: SiteName,
    file: File,
    json: Json = False,  # noqa: FBT002 - an option, which people write by name
) -> None:
    """Show what a file would change of the newest configuration of a site. Nothing is changed."""
    from slipway.serving.release.site_files import differences, read_site
    from slipway.serving.release.sites import load_sites

    after = read_site(file)
    found = load_sites(open_desk()).get(site)
    newest = found.newest if found else None
    told = differences(newest.config if newest else None, after)
    if json:
        print_json([{"where": one.where, "before": one.before, "after": one.after} for one in told])
    elif told:
        print_table(("where", "before", "after"), [[one.where, one.before, one.after] for one in told])
    else:
        say(f"{file} says what configuration {newest.number if newest else 0} of {site} does.")


@app.command("list")
def list_sites(
    json: Json = False,  # noqa: FBT002 - an option, which people write by name
) -> None:
    """List all sites that were configured."""
    from slipway.serving.release.sites import load_sites

    found = list(load_sites(open_desk()).values())
    if json:
        print_json([_data(one) for one in found])
    elif found:
        print_table(("site", "devices follow", "on its way", "zone"), [list(_row(one)) for one in found])
    else:
        say("No site was configured yet. `slipway site set SITE FILE --reason …` does it.")


@app.command()
def schema() -> None:
    """Print the JSON schema of a configuration, for editors."""
    from slipway.serving.channel.site import SiteConfig

    print_json(SiteConfig.model_json_schema())


def _change(site: str, wanted: "Change", why: tuple[str, str | None], *, dry_run: bool, yes: bool, json: bool) -> None:
    from slipway.serving.release.configuring import change, outlook
    from slipway.serving.release.opening import open_repository

    desk, (reason, request) = open_desk(), why
    _check_name(site)
    if dry_run:
        found = outlook(desk, site, wanted, reason=reason, request=request)
        tell_dry({"site": site}, f"{wanted.words} {site}", found, json=json)
        return
    confirm_change(desk.loaded, f"{wanted.words} {site}", yes)
    done = change(desk, open_repository(desk), site, wanted, reason=reason, request=request)
    number = done.written.entry.number
    shown = done.converged
    if json:
        print_json(
            {"entry": number, "before": done.before, **_data(done.site), "shown": not shown.waits, "waits": shown.waits}
        )
        return
    typer.echo(f"{site}: {_standing(done.site)}{', already' * done.before}: entry {number}.")
    tell_channel(shown)


def _check_name(site: str) -> None:
    from pydantic import TypeAdapter, ValidationError

    from slipway.platform.errors import WrongUse
    from slipway.serving.channel.pointer import Name

    try:
        TypeAdapter(Name).validate_python(site)
    except ValidationError:
        raise WrongUse(
            f"`{site}` is no name of a site.", mend="It is written in lower-case letters, digits, `.`, `_` and `-`."
        ) from None


def _known(site: str) -> "Site":
    from slipway.platform.errors import WrongUse
    from slipway.platform.names import suggestion
    from slipway.serving.release.sites import load_sites

    found = load_sites(open_desk())
    if site not in found:
        raise WrongUse(f"No configuration of `{site}` is known.", mend=suggestion(site, found))
    return found[site]


def _standing(site: "Site") -> str:
    from slipway.serving.release.sites import wave_told

    base, target = site.base, site.target
    if target is None:
        return f"all its devices follow configuration {base.number}" if base else "nothing is configured"
    rest = f", the others {base.number}" if base else ""
    return f"configuration {target.number} {wave_told(site.wave)}{rest}"


def _row(site: "Site") -> tuple[str, ...]:
    newest = site.newest
    return site.name, _number(site.base), _number(site.target), newest.config.zone if newest else "-"


def _number(one: "Configuration | None") -> str:
    return f"configuration {one.number}" if one else "-"


def _fields(site: "Site") -> dict[str, str]:
    from slipway.serving.release.sites import wave_told

    fields = {"site": site.name, "devices follow": _number(site.base), "on its way": _number(site.target)}
    return fields | ({"wave": wave_told(site.wave)} if site.target else {})


def _data(site: "Site") -> dict[str, Any]:
    def told(one: "Configuration | None") -> dict[str, Any] | None:
        return one.told.model_dump(mode="json") | {"entry": one.written.entry.number} if one else None

    return {
        "site": site.name,
        "base": told(site.base),
        "target": told(site.target),
        "wave": site.wave.model_dump(mode="json", exclude={"seed"}) if site.target else None,
    }
