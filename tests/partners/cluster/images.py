"""The images that nodes can pull; all others are missing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Image:
    """What an image brings: here no files, only how to start."""

    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


class Images:
    """A registry. Tests add to it and take away while the cluster runs."""

    def __init__(self, known: Mapping[str, Image] | Iterable[str]) -> None:
        self._known = dict(known) if isinstance(known, Mapping) else {name: Image() for name in known}

    def add(self, name: str, image: Image | None = None) -> None:
        self._known[name] = image or Image()

    def remove(self, name: str) -> None:
        self._known.pop(name, None)

    def find(self, name: str) -> Image | None:
        return self._known.get(name)
