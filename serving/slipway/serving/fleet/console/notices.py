"""The page of notices: what needs a person now, grouped by cause, each with the next command."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Request, Response

from slipway.serving.fleet.console.answering import answer
from slipway.serving.fleet.console.asking import Asked
from slipway.serving.fleet.console.office import Office
from slipway.serving.fleet.console.rendering import page
from slipway.serving.fleet.notices.book import Standing
from slipway.serving.fleet.notices.notice import Weight, kind_of
from slipway.serving.fleet.notices.standing import found_now
from slipway.serving.fleet.operators.acting import Acting

router = APIRouter(include_in_schema=False)

FRESH: Final = timedelta(seconds=10)
"""A look at everything takes a moment, so those who ask at about the same time share one."""
PATIENCE_S: Final = 5.0
MOST: Final = 200
"""Of one page; the weightiest."""
CAUSES: Final = {
    "rollout-stopped": "Rollouts that were stopped",
    "class-failing": "Classes of devices that fail",
    "class-behind": "Classes of devices that stay behind",
    "silent": "Devices that say nothing",
    "expiry": "Signatures that end",
    "approval": "Approvals that are awaited",
    "duplicate-id": "Two machines under one id",
    "revoked-key": "Revoked and still reporting",
    "retraining-failed": "Retraining that failed",
}


@dataclass(frozen=True)
class Group:
    """Notices of one kind of cause."""

    title: str
    standings: Sequence[Standing]


@router.get("/notices")
async def notices(request: Request) -> Response:
    """What needs a person now."""

    def shown(office: Office, acting: Acting) -> Response:
        Asked(request)
        loaded = office.loaded
        known = office.remembered.get("notices", lambda: found_now(loaded), fresh=FRESH, patience=PATIENCE_S)
        found, remarks = known.value or ([], [])
        return page(
            "notices.html",
            title="Notices",
            acting=acting,
            now=office.now,
            known=known,
            groups=grouped(found[:MOST]),
            total=len(found),
            shown=MOST,
            urgent=sum(one.notice.weight is Weight.URGENT and one.silence is None for one in found),
            silenced=[one for one in found if one.silence],
            remarks=remarks,
        )

    return await answer(request, shown)


def grouped(found: Iterable[Standing]) -> list[Group]:
    """By kind of cause, the group with the weightiest first; what is silenced stands behind what is not."""
    groups: dict[str, list[Standing]] = {}
    for one in sorted(found, key=lambda one: (one.silence is not None, one.order)):
        groups.setdefault(kind_of(one.notice.cause), []).append(one)
    return [Group(CAUSES.get(kind, kind.replace("-", " ")), told) for kind, told in groups.items()]
