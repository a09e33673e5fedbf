"""Withdrawing tokens that nobody has used: those of `slipway fleet list --tokens`, or ones that went astray."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import typer

from slipway.platform.cli.output import print_json, say
from slipway.platform.cli.session import confirm_change
from slipway.platform.errors import WrongUse

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded
    from slipway.serving.fleet.cli.client import FleetClient

DIGEST: Final = re.compile(r"[0-9a-f]{64}")
BEGIN: Final = re.compile(r"[0-9a-f]{8,63}")


def withdraw(
    loaded: "Loaded", wanted: Sequence[str], reason: str | None, *, dry_run: bool, yes: bool, json: bool
) -> None:
    """All of them or none."""
    from slipway.serving.fleet.cli.client import FleetClient

    if not (reason or "").strip():
        raise WrongUse("--withdraw takes a reason.", mend="--reason WHY; it stands in the history.")
    client = FleetClient.of(loaded)
    digests = list(dict.fromkeys(_digests(client, wanted)))
    if dry_run:
        still = {one["digest"] for one in client.get("/v1/tokens")["tokens"]}
        gone = sum(one in still for one in digests)
        if json:
            print_json({"tokens": digests, "withdrawn": gone, "dry_run": True})
        else:
            say(f"This would withdraw {_many(gone)}. Nothing was changed.")
        return
    confirm_change(loaded, f"withdraw {_many(len(digests))}", yes)
    gone = client.post("/v1/tokens/withdraw", {"tokens": digests, "reason": reason})["withdrawn"]
    if json:
        print_json({"tokens": digests, "withdrawn": gone})
    else:
        typer.echo(f"Withdrawn: {_many(gone)}." if gone else "They were withdrawn before. Nothing was changed.")


def _digests(client: "FleetClient", wanted: Sequence[str]) -> list[str]:
    """Their sha256s: a token is named by itself, by its sha256 or by how that begins."""
    from slipway.serving.bundle.canonical import sha256
    from slipway.serving.edge.fleet.wire import TOKEN

    whole = {one: sha256(one.encode()) for one in wanted if TOKEN.fullmatch(one)}
    whole |= {one: one for one in wanted if DIGEST.fullmatch(one)}
    known = [] if len(whole) == len(set(wanted)) else client.get("/v1/tokens")["tokens"]
    return [whole.get(one) or _beginning(one, known) for one in wanted]


def _beginning(text: str, known: Sequence[dict[str, Any]]) -> str:
    if not BEGIN.fullmatch(text):
        raise WrongUse(
            f"--withdraw {text[:80]!r} is no token.",
            mend="Expected a token, its sha256, or the first 8 letters of that or more, as `slipway fleet list "
            "--tokens` shows them.",
        )
    found = [one["digest"] for one in known if one["digest"].startswith(text)]
    if len(found) != 1:
        which = "No open token begins" if not found else f"{len(found)} open tokens begin"
        raise WrongUse(f"{which} with {text}.", mend="`slipway fleet list --tokens --json` shows all their letters.")
    return str(found[0])


def _many(count: int) -> str:
    return "a token" if count == 1 else f"{count} tokens"
