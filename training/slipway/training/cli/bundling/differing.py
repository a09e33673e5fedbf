"""What differs between two bundles, by subject; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from slipway.serving.bundle.manifest import Manifest

SUBJECTS: Final = ("model", "lineage", "contract", "devices", "variants", "tools")


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same; None where one side does not have it."""

    subject: str
    name: str
    left: Any
    right: Any


@dataclass(frozen=True)
class Compared:
    """Two bundles side by side."""

    differences: tuple[Difference, ...]
    same_files: tuple[str, ...]
    """Files that both have with the same content."""

    def as_data(self) -> dict[str, Any]:
        """Plain values."""
        return {"differences": [asdict(one) for one in self.differences], "same_files": list(self.same_files)}


def compare(left: Manifest, right: Manifest, graphs: tuple[Mapping[str, Any], Mapping[str, Any]]) -> Compared:
    """Compare two manifests, and what the files of their variants hold."""
    found: list[Difference] = []
    before, after = left.model_dump(mode="json"), right.model_dump(mode="json")
    for subject in SUBJECTS:
        found += _differences(subject, before[subject], after[subject])
    found += _differences("files", _digests(left), _digests(right))
    found += _differences("graphs", graphs[0], graphs[1])
    same = sorted(name for name, one in left.files.items() if right.files.get(name) == one)
    return Compared(tuple(found), tuple(same))


def _digests(manifest: Manifest) -> dict[str, str]:
    return {name: f"{one.sha256} ({one.size:,} bytes)" for name, one in manifest.files.items()}


def _differences(subject: str, left: object, right: object) -> Iterator[Difference]:
    before, after = dict(_leaves("", left)), dict(_leaves("", right))
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Difference(subject, name, before.get(name), after.get(name))


def _leaves(name: str, value: object) -> Iterator[tuple[str, Any]]:
    """Every value by its place, a path of names; what has nothing in it is nothing."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(f"{name} {key}".strip(), inner)
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        for inner in value:
            yield from _leaves(f"{name} {inner.get('name', '')}".strip(), inner)
    else:
        yield name, value
