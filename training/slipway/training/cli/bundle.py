"""`slipway bundle`: look at bundles, verify and compare them, bring in foreign models, and write for Triton."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from slipway.platform.cli.output import DryRun, Json, Yes, print_fields, print_json, print_table, say
from slipway.platform.cli.session import confirm_change, load_settings
from slipway.training.cli.completing import models as model_names

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded
    from slipway.serving.bundle.folder import Bundle
    from slipway.training.cli.bundling.importing import Foreign

app = typer.Typer(add_completion=False, help="Show, verify, compare, import and export bundles.", no_args_is_help=True)

NAMED = "A folder, the beginning of a digest, or a run that was exported."
Variant = Literal["fp32", "fp16", "int8-cpu", "int8-trt"]
Named = Annotated[str, typer.Argument(metavar="BUNDLE", help=NAMED)]
DIGITS = 12
WIDEST = 64


@app.command()
def show(bundle: Named, *, json: Json = False) -> None:
    """Show a bundle: lineage, contract, devices, variants, files."""
    from slipway.training.cli.bundling import showing
    from slipway.training.cli.bundling.named import bundle_named

    found = bundle_named(bundle, load_settings())
    if json:
        print_json(showing.data(found))
        return
    print_fields(showing.fields(found))
    typer.echo()
    print_table(showing.VARIANT_COLUMNS, showing.variant_rows(found))
    typer.echo()
    print_table(("file", "bytes", "sha256"), showing.file_rows(found))


@app.command()
def verify(bundle: Named, *, json: Json = False) -> None:
    """Tell everything that is wrong with a bundle.

    Its files are held against the manifest, the manifest against what a bundle may be. Exit code 1 when anything is
    wrong.
    """
    from slipway.platform.registry.bundles import locate
    from slipway.platform.store import open_store
    from slipway.serving.bundle.folder import Bundle
    from slipway.serving.bundle.verifying import problems

    loaded = load_settings()
    found = Bundle.open(locate(bundle, loaded, open_store(loaded.settings.store, loaded.settings.s3)))
    wrong = list(problems(found))
    if json:
        print_json({"digest": found.digest, "folder": str(found.folder), "problems": wrong})
    else:
        typer.echo(f"{found.digest}: {'failed' if wrong else 'ok'}")
        for problem in wrong:
            say(f"  {problem}")
    raise typer.Exit(1 if wrong else 0)


@app.command()
def diff(left: Named, right: Named, *, json: Json = False) -> None:
    """Tell what differs between two bundles.

    Lineage, contract, devices, variants, files and graphs are compared; files with the same content are named.
    """
    from slipway.training.cli.bundling import differing, showing
    from slipway.training.cli.bundling.named import bundle_named

    loaded = load_settings()
    before, after = bundle_named(left, loaded), bundle_named(right, loaded)
    graphs = showing.graphs_data(before), showing.graphs_data(after)
    compared = differing.compare(before.manifest, after.manifest, graphs)
    if json:
        print_json({"left": before.digest, "right": after.digest, **compared.as_data()})
        return
    if not compared.differences:
        typer.echo(f"They are the same bundle, {before.digest}.")
        return
    rows = [[one.subject, one.name, _short(one.left), _short(one.right)] for one in compared.differences]
    print_table(("part", "what", before.digest[:DIGITS], after.digest[:DIGITS]), rows)
    typer.echo()
    typer.echo(f"Files with the same content: {', '.join(compared.same_files) or 'none'}.")


@app.command("import")
def import_model(  # noqa: PLR0913 - what a person may say
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The model, as ONNX.")],
    *,
    contract: Annotated[
        str, typer.Option("--contract", metavar="FILE|MODEL", help="Inputs and outputs: YAML, or an installed model's.")
    ],
    origin: Annotated[str, typer.Option("--origin", metavar="TEXT", help="Who gave it, in words.")],
    model: Annotated[
        str,
        typer.Option(
            "--model", metavar="MODEL", help="The model that it is a candidate of.", autocompletion=model_names
        ),
    ],
    variant: Annotated[Variant, typer.Option("--variant", help="What the file is.")] = "fp32",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="An empty folder that the bundle is written to as well."),
    ] = None,
    dry_run: DryRun = False,
    json: Json = False,
    yes: Yes = False,
) -> None:
    """Make a bundle of somebody else's ONNX.

    It is kept in the store and gated like any other. The graph is looked at before it is loaded: weights outside the
    file, operators that devices do not have and graphs made to exhaust whoever loads them are refused. It runs once, in
    a process with limits.
    """
    from slipway.training.cli.bundling.importing import foreign

    loaded = load_settings()
    given = foreign(file, model=model, contract=contract, origin=origin, variant=variant)
    if not dry_run:
        confirm_change(loaded, f"import {file.name} as a bundle of {model}", yes)
    bundle, kept = _imported(given, loaded, output, keep=not dry_run)
    for name in given.left_out:
        say(f"warning: the device class `{name}` runs no {variant} and is left out")
    told = {"bundle": bundle.digest, "model": model, "lineage": f"external: {origin}", "kept": kept}
    if json:
        print_json({**told, "left_out": list(given.left_out), "dry_run": dry_run})
        return
    print_fields(told)


@app.command()
def export(
    bundle: Named,
    *,
    triton: Annotated[Path, typer.Option("--triton", metavar="DIR", help="A model repository of Triton.")],
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Write a bundle's variants as models of a Triton server."""
    from slipway.training.cli.bundling.named import bundle_named
    from slipway.training.cli.bundling.triton import repository, write_repository

    files = repository(bundle_named(bundle, load_settings()))
    if not dry_run:
        write_repository(files, triton)
    if json:
        print_json({"folder": str(triton), "files": sorted(files), "dry_run": dry_run})
        return
    for name in sorted(files):
        typer.echo(f"{'would write ' if dry_run else ''}{triton / name}")


def _imported(given: "Foreign", loaded: "Loaded", output: Path | None, *, keep: bool) -> "tuple[Bundle, str]":
    """Make it apart, keep it in the store, and put it where it was asked for; only then is anything there."""
    import tempfile

    from slipway.platform.registry.bundles import bundle_key, fetch_bundle, keep_bundle
    from slipway.platform.store import open_store
    from slipway.training.cli.bundling.importing import make
    from slipway.training.cli.remarks import remarks

    if output is not None:
        _check_free(output)
    with tempfile.TemporaryDirectory(prefix="slipway-import-") as place, remarks() as tell:
        bundle = make(given, Path(place, "bundle"), tell)
        if not keep:
            return bundle, "no: nothing was changed"
        store = open_store(loaded.settings.store, loaded.settings.s3)
        there = next(iter(store.list(bundle_key(bundle.digest))), None) is not None
        kept = keep_bundle(store, bundle.folder)
        if output is not None:
            fetch_bundle(store, kept, output)
    return bundle, f"{'already ' if there else ''}in {store.url}"


def _check_free(folder: Path) -> None:
    from slipway.platform.errors import WrongUse

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WrongUse(f"{folder} is not empty.", mend="Name a folder that is empty or not there.")


def _short(value: object) -> str:
    text = "" if value is None else re.sub("[0-9a-f]{64}", lambda found: found[0][:DIGITS], str(value))
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 3]}..."
