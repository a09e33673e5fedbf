"""Arguments and answers that the commands of rollouts share."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from slipway.platform.cli.model.arguments import model_names
from slipway.platform.cli.output import print_json, say

if TYPE_CHECKING:
    from slipway.serving.release.converging import Converged
    from slipway.serving.release.deciding import Outlook
    from slipway.serving.release.rollouts import Released
    from slipway.serving.release.site_converging import SiteConverged

Model = Annotated[str, typer.Argument(metavar="MODEL", help="A model.", autocompletion=model_names)]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the ledger.")]
Request = Annotated[
    str | None,
    typer.Option(
        "--request", metavar="ID", help="An id of this request: made again, it is the same decision and stands once."
    ),
]
Share = Annotated[
    float | None,
    typer.Option("--share", metavar="PERCENT", min=0, max=100, help="Of all devices, or of those of the cohort."),
]
Cohort = Annotated[str | None, typer.Option("--cohort", metavar="NAME", help="Only devices of this cohort.")]


def tell_dry(told: dict[str, str], words: str, found: "Outlook", *, json: bool) -> None:
    """What deciding it would do; a refusal that it would meet is raised, as the decision itself would raise it."""
    there, refused = found.before, found.refused
    if json:
        print_json({**told, "before": there is not None, "against": str(refused) if refused else ""})
    elif there:
        say(f"This would decide nothing: entry {there.entry.number} made it so. What is not shown yet would be.")
    else:
        say(f"This would {'be refused' if refused else words}. Nothing was changed.")
    if refused:
        raise refused


def tell_channel(converged: "Converged | SiteConverged") -> None:
    """What devices are told now, or whom that waits for."""
    if converged.waits:
        say(f"Devices are not told yet. {converged.waits} `slipway channel keepalive` there does the rest.")


def channel_data(converged: "Converged | None") -> dict[str, Any]:
    """The same for scripts."""
    if converged is None:
        return {"pointer": None, "shown": False, "waits": ""}
    pointer = converged.pointer.model_dump(mode="json") if converged.pointer else None
    return {"pointer": pointer, "shown": not converged.waits, "waits": converged.waits}


def release_data(released: "Released | None") -> dict[str, Any] | None:
    """A release for scripts."""
    if released is None:
        return None
    entries = {"entry": released.written, "finished": released.finished, "undone": released.undone}
    return {
        "number": released.number,
        "version": released.version,
        "bundle": released.bundle,
        "base": released.base,
        "floor": released.floor,
        "minimum_agent": released.minimum_agent,
        "at": released.written.entry.at,
        "by": released.written.signer,
    } | {name: one.entry.number if one else None for name, one in entries.items()}
