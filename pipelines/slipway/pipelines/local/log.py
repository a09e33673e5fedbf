"""The stack's one log: each line begins with the time and its component's name. It never grows beyond its bounds."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

BYTES: Final = 8 * 1024 * 1024
FILES: Final = 3
"""The log and those before it: `stack.log`, `stack.log.1`, `stack.log.2`."""
LONGEST: Final = 4000
"""Characters of a line that are kept."""
LAST: Final = 15
NAME_WIDTH: Final = 16


def local_now() -> datetime:
    """The time as the person's clock shows it."""
    return datetime.now(UTC).astimezone()


class StackLog:
    """Writes it, and remembers each component's last lines."""

    def __init__(self, path: Path, *, most: int = BYTES, clock: Callable[[], datetime] = local_now) -> None:
        self._path, self._most, self._clock = path, most, clock
        self._file: IO[bytes] = self._opened()
        self._last: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=LAST))

    def write(self, name: str, lines: Iterable[str]) -> None:
        """Lines of one component."""
        moment = f"{self._clock():%Y-%m-%d %H:%M:%S}"
        text = ""
        for line in lines:
            kept = line[:LONGEST]
            self._last[name].append(kept)
            text += f"{moment} {name:<{NAME_WIDTH}} | {kept}\n"
        if not text:
            return
        if self._file.tell() + len(text) > self._most:
            self._turn()
        with suppress(OSError):  # a full disk must not end what still runs
            self._file.write(text.encode(errors="replace"))

    def last(self, name: str) -> tuple[str, ...]:
        """What a component said last."""
        return tuple(self._last[name]) if name in self._last else ()

    def close(self) -> None:
        self._file.close()

    def _opened(self) -> IO[bytes]:
        self._path.touch(mode=0o600)
        return self._path.open("ab", buffering=0)

    def _turn(self) -> None:
        self._file.close()
        names = [self._path, *(self._path.with_name(f"{self._path.name}.{number}") for number in range(1, FILES))]
        for older, newer in reversed(list(zip(names[1:], names, strict=False))):
            if newer.exists():
                newer.replace(older)
        self._file = self._opened()


def tail(path: Path, name: str, count: int = LAST) -> list[str]:
    """What a component said last."""
    mark = f" {name:<{NAME_WIDTH}} | "
    if not path.exists():
        return []
    with path.open(encoding="utf-8", errors="replace") as file:
        return list(deque((line.partition(mark)[2].rstrip() for line in file if mark in line), maxlen=count))
