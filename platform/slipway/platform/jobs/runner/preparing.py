"""Making the workplace ready: code, data, what the config refers to; the checkpoint to go on from; the order.

What is fetched is believed only when it is what its digest says. Of the checkpoints the furthest that is whole is
taken; a damaged one is passed over for the one before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.jobs.runner import checkpoints
from slipway.platform.jobs.runner.folders import given_back
from slipway.platform.jobs.runner.following import carried_on
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.pieces import read_pieces
from slipway.platform.runs.workplace import Order, Workplace, write_whole
from slipway.platform.store import Store

if TYPE_CHECKING:
    from slipway.platform.settings import Settings

DERIVED: Final = "derived"
"""Where children keep what they make of the data for others, in the cache."""
Note = Callable[[str], None]


@dataclass(frozen=True)
class Prepared:
    """A workplace that a child can be started in."""

    workplace: Workplace
    resumed: checkpoints.Found | None


def prepare(
    job: JobSpec,
    attempt: int,
    workplace: Workplace,
    store: Store,
    settings: "Settings",
    note: Note,
    resume: Callable[[], checkpoints.Found | None] | None = None,
) -> Prepared:
    """Fetch everything and write the order; `resume` brings the checkpoint where another node has chosen it."""
    from slipway.platform.runs.code.archive import fetch_code

    fetch_code(job.code, store, workplace.code)
    folder = fetch_view(job.snapshot, job.view, settings, note)
    references = fetch_references(job.references, store, workplace)
    resumed = (resume or (lambda: _resume(job, workplace, store, note)))()
    if resumed is None and attempt > 1 and not job.fresh:
        note("The attempts before left no checkpoint: beginning anew.")
    order = Order(
        key=job.key,
        attempt=attempt,
        kind=job.kind,
        model=job.model,
        package=job.package,
        config=job.config,
        snapshot=folder,
        view=job.view,
        cache=settings.data.cache / DERIVED,
        references=references,
        resume=_given(job, workplace, resumed) if resumed else None,
        arguments=job.arguments,
    )
    write_whole(workplace.order, order.model_dump_json().encode())
    return Prepared(workplace, resumed)


def _given(job: JobSpec, workplace: Workplace, resumed: checkpoints.Found) -> Path | None:
    """What the child goes on from: a file, or of a script what was written last into its folder."""
    path = workplace.checkpoint(resumed.step)
    if not job.is_script:
        return path
    return given_back(path.rename(workplace.folder / path.name), workplace.checkpoints)


def fetch_references(digests: Mapping[str, str], store: Store, workplace: Workplace) -> dict[str, Path]:
    """A file of each in the workplace."""
    from slipway.platform.runs.references import bring

    files = {name: workplace.reference(name) for name in sorted(digests)}
    for name, path in files.items():
        bring(digests[name], store, path)
    return files


def fetch_view(digest: str, view: Mapping[str, Any], settings: "Settings", note: Note) -> Path:
    """The snapshot's folder in the cache, with all that the view needs."""
    from slipway.platform.data.fetch import fetch
    from slipway.platform.data.view import View

    where = {column: list(values) for column, values in view.get("where", ())}
    return fetch(digest, settings, view=View.of(where, view.get("tables", ())), watcher=Noting(note))


class Noting:
    """Hears of fetching and tells only when something large begins."""

    def __init__(self, note: Note) -> None:
        self._note = note

    def expect(self, step: str, total: int) -> None:
        """Say what begins."""
        self._note(f"{step} ({total / 1e6:.0f} MB)")

    def advance(self, count: int) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Pass it on."""
        self._note(text)


def _resume(job: JobSpec, workplace: Workplace, store: Store, note: Note) -> checkpoints.Found | None:
    if job.fresh:
        return None
    for found in checkpoints.stored(store, WorkKeys(job.key)):
        if checkpoints.bring(store, found, workplace.checkpoints) is None:
            told = checkpoints.told(job, found)
            note(f"{told[0].upper()}{told[1:]} is damaged: taking the one before.")
            continue
        earlier = carried_on(read_pieces(store, found.keys.journal), found.step)
        if earlier:
            write_whole(workplace.journal, earlier)
        note(f"Going on from {checkpoints.told(job, found)}.")
        return found
    return None
