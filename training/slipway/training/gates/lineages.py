"""What a bundle's weights have seen: the training rows of its run, and of those whose weights that run began with.

A row of the evaluation counts as seen when its image was trained on, when its individual was, or, where no individual
is named, when its morning at that site was. Cameras and sites that only the test split has are held out on purpose:
what they see does not count against a day.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from slipway.platform.data.columns import equal, where
from slipway.platform.data.view import View
from slipway.platform.runs.find import load_parts
from slipway.platform.runs.layout import WORK
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import Result
from slipway.platform.runs.references import WEIGHTS
from slipway.platform.store import Store
from slipway.training.gates.evidence import Lineage
from slipway.training.reading.source import strings

if TYPE_CHECKING:
    import pyarrow as pa

    from slipway.platform.data.snapshot import Snapshot

RESULT = "/result.json"
SHOWN = 12


@dataclass(frozen=True)
class Trained:
    """One training in a lineage."""

    snapshot: str
    view: View


@dataclass(frozen=True)
class Ancestry:
    """All trainings behind a bundle."""

    trainings: tuple[Trained, ...] = ()
    unknown: str = ""
    """Why some are not known."""


@dataclass
class Seen:
    """What was trained on."""

    samples: set[str] = field(default_factory=set)
    identities: set[str] = field(default_factory=set)
    days: set[str] = field(default_factory=set)

    def add(self, snapshot: "Snapshot", view: View) -> None:
        """The training rows of one snapshot."""
        index = view.select(snapshot.index)
        index = where(index, equal(index["split"], "train"))
        named = identities_of(snapshot)
        for sample, day in zip(strings(index["sample"]), days_of(index), strict=True):
            self.samples.add(sample)
            found = named.get(sample, ())
            self.identities.update(found)
            if not found and day:
                self.days.add(day)


def ancestry_of(lineage: Mapping[str, Any], store: Store) -> Ancestry:
    """Every training behind a bundle, its own first."""
    key = lineage.get("run_key")
    if key is None:
        origin = str(lineage.get("origin", "elsewhere"))
        return Ancestry(unknown=f"It comes from elsewhere ({origin}): nobody here knows what it has seen.")
    found: dict[str, Trained] = {}
    unknown: list[str] = []
    waiting = [str(key)]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        parts = load_parts(store, one)
        found[one] = Trained(parts.snapshot, view_of(parts))
        for name, digest in parts.references.items():
            run = run_of_weights(store, digest)
            if run is None:
                unknown.append(f"it began with the file {digest[:SHOWN]} (`references.{name}`)")
            else:
                waiting.append(run)
    told = f"Nobody here knows what it has seen: {'; '.join(unknown)}, which no run of ours made." if unknown else ""
    return Ancestry(tuple(found.values()), told)


def run_of_weights(store: Store, digest: str) -> str | None:
    """The training whose result these weights are."""
    for key in store.list(f"{WORK}/"):
        if key.endswith(RESULT) and key.count("/") == 2:  # noqa: PLR2004 - work/<key>/result.json
            result = Result.load(store, key)
            if result is not None and WEIGHTS in result.files and result.files[WEIGHTS].sha256 == digest:
                return result.key
    return None


def view_of(parts: Parts) -> View:
    """What of its snapshot the training looked at."""
    columns = {column: list(values) for column, values in parts.view.get("where", ())}
    return View.of(columns, parts.view.get("tables", ()))


def lineage_of(ancestry: Ancestry, seen: Seen, evaluation: "Snapshot", rows: Sequence[str]) -> Lineage:
    """What of the evaluation's rows a lineage has seen."""
    return Lineage(
        known=not ancestry.unknown,
        why=ancestry.unknown,
        snapshots=tuple(dict.fromkeys(one.snapshot for one in ancestry.trainings)),
        seen=dict(seen_of(seen, evaluation, rows)),
    )


def seen_of(seen: Seen, evaluation: "Snapshot", rows: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The rows that count as seen, each with what of it was."""
    index = evaluation.index
    days = dict(zip(index["sample"].to_pylist(), days_of(index), strict=True))
    apart, named = held_out(index), identities_of(evaluation)
    for sample in rows:
        individuals = [one for one in named.get(sample, ()) if one in seen.identities]
        if sample in seen.samples:
            yield sample, "the image itself"
        elif individuals:
            yield sample, f"the individual {individuals[0]}"
        elif not named.get(sample) and sample not in apart and days.get(sample) in seen.days:
            yield sample, f"the day at {days[sample]}"


def identities_of(snapshot: "Snapshot") -> dict[str, tuple[str, ...]]:
    """Who is in each image."""
    found: dict[str, tuple[str, ...]] = {}
    columns = (snapshot.boxes[name].to_pylist() for name in ("sample", "identity"))
    for sample, identity in zip(*columns, strict=True):
        if identity is not None:
            found[sample] = (*found.get(sample, ()), identity)
    return found


def days_of(index: "pa.Table") -> list[str]:
    """Site and day of each image, as splits keep them together; empty where no day is noted."""
    pairs = zip(index["site"].to_pylist(), index["day"].to_pylist(), strict=True)
    return [f"{site or 'somewhere'} on {day}" if day else "" for site, day in pairs]


def held_out(index: "pa.Table") -> set[str]:
    """The images of cameras and sites that only the test split has."""
    columns = (index[name].to_pylist() for name in ("sample", "split", "site", "camera"))
    lines = list(zip(*columns, strict=True))
    trained = [line for line in lines if line[1] != "test"]
    sites, cameras = {line[2] for line in trained}, {line[3] for line in trained}
    return {
        sample
        for sample, split, site, camera in lines
        if split == "test" and ((site and site not in sites) or (camera and camera not in cameras))
    }
