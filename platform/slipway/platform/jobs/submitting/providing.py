"""What work needs before anybody can execute it, here or through a launcher: data, code, what it refers to, a name.

Each is stored under a name of its own, so doing it again, or twice at once, changes nothing.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from slipway.platform.jobs.runner.preparing import Note, Noting
from slipway.platform.jobs.submitting.planning import Planned
from slipway.platform.jobs.submitting.snapshots import have_snapshot, offer_snapshot
from slipway.platform.runs.attempts import Claimant
from slipway.platform.runs.code.archive import StoredCode, store_code
from slipway.platform.runs.names import bind_name
from slipway.platform.runs.records import Place
from slipway.platform.runs.references import keep
from slipway.platform.runs.standing import Standing
from slipway.platform.store import Store

if TYPE_CHECKING:
    from slipway.platform.jobs.submitting.starting import Request
    from slipway.platform.settings import Loaded

KB: Final = 1000


def provide(planned: Planned, loaded: "Loaded", store: Store, note: Note, *, elsewhere: bool = False) -> StoredCode:
    """See that whoever runs it finds data, code and what the config refers to; `elsewhere` is not this machine."""
    if elsewhere:
        offer_snapshot(planned.snapshot, loaded, Noting(note))
    else:
        have_snapshot(planned.snapshot, loaded, planned.model.view, Noting(note))
    code = store_code(planned.code, store)
    for reference in planned.references.values():
        keep(reference, store)
    return code


def told_size(code: StoredCode, size: int) -> str:
    """How much code travels, for a person: its files, and how large they are together."""
    return f"code: {told_code(code.files, size)}{'' if code.new else ', there already'}"


def told_code(files: int, size: int) -> str:
    """Files, and their bytes together."""
    amount = f"{size / KB:,.0f} kB" if size >= KB else f"{size} bytes"
    return f"{files} file{'' if files == 1 else 's'}, {amount}"


def name_work(planned: Planned, request: "Request", store: Store, now: Standing) -> str:
    """The name that the work has, unless another one is wanted."""
    wanted = request.name
    if wanted is None and now.spec is not None:
        return now.spec.name
    subject = planned.model.name
    return bind_name(store, planned.key, model=subject, now=datetime.now(UTC), wanted=wanted, kind=planned.kind)


def claimant_of(planned: Planned, request: "Request", name: str, place: Place, *, job: str = "") -> Claimant:
    """Who asks, and what is said about it, in an attempt's record."""
    return Claimant(
        submitted_by=request.submitted_by,
        name=name,
        place=place,
        created=datetime.now(UTC),
        note=request.note,
        tags=request.tags,
        team=planned.model.team,
        kind=planned.kind,
        revision=request.revision,
        job=job,
    )
