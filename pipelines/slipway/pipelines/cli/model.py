"""`slipway model`: the commands of slipway-platform, and `register`, which verifies a bundle before it is a version."""

from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.cli.model import app
from slipway.platform.cli.model.arguments import DIGITS, open_desk
from slipway.platform.cli.output import DryRun, Json, Yes, print_json, say
from slipway.platform.cli.session import confirm_change

if TYPE_CHECKING:
    from slipway.platform.registry.desk import Desk
    from slipway.platform.registry.versions import Registered, Registration

__all__ = ["app"]


@app.command()
def register(
    bundle: Annotated[
        str, typer.Argument(metavar="BUNDLE", help="A bundle's folder, the beginning of its digest, or its run.")
    ],
    *,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Make a bundle that passed its gates a version of its model: one for each bundle, however often it is asked.

    The bundle is verified first. It takes the role trainer. The bundle's files go to its run in MLflow, the version
    gets its lineage as tags and its card as the description, and the ledger tells of it.
    """
    from slipway.platform.registry.records import VersionRecord
    from slipway.platform.registry.versions import plan
    from slipway.platform.registry.versions import register as bind

    desk = open_desk()
    wanted = registration(desk, bundle)
    named = f"bundle {wanted.kept.digest[:DIGITS]}"
    if dry_run:
        found = plan(desk, wanted)
        is_one = isinstance(found, VersionRecord)
        if json:
            print_json({"bundle": wanted.kept.digest, "model": wanted.kept.model, "is_version": is_one})
        else:
            would = "change nothing: it is a version already" if is_one else f"make it a version of {wanted.kept.model}"
            say(f"{named}: this would {would}. Nothing was changed.")
        return
    confirm_change(desk.loaded, f"make {named} a version of {wanted.kept.model}", yes)
    for remark in wanted.hands.remarks:
        say(remark)
    size = sum(file.size for file in wanted.kept.files.values())
    say(f"Keeping {named} ({size / 1e6:.1f} MB) and asking MLflow …")
    _tell(bind(desk, wanted), json=json)


def registration(desk: "Desk", bundle: str) -> "Registration":
    """What is asked for: the bundle, verified, with what its model declares and who had a hand in it."""
    from slipway.platform.models.finder import model_named
    from slipway.platform.registry.authors import Hands, hands_of
    from slipway.platform.registry.bundles import MANIFEST, Kept, locate
    from slipway.platform.registry.versions import Registration
    from slipway.serving.bundle.verifying import verify

    folder = locate(bundle, desk.loaded, desk.store)
    verified = verify(folder)
    kept = Kept((folder / MANIFEST).read_bytes())
    model = model_named(kept.model)
    run = verified.manifest.lineage.run_key
    hands = hands_of(desk.store, desk.people, run, model.folder) if run else Hands()
    return Registration(kept, folder, model.declaration, hands)


def _tell(done: "Registered", *, json: bool) -> None:
    record = done.record
    if json:
        print_json({**record.model_dump(mode="json"), "how": done.how})
        return
    name = f"{record.model}/{record.number}"
    typer.echo(
        f"{name}: bundle {record.bundle[:DIGITS]}, {'registered' if done.how == 'made' else 'registered before'}."
    )
    if done.how == "made":
        say(f"`slipway model review {name}` shows what changed since the champion.")
