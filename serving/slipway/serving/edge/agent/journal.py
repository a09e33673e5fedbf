"""The journal: one line for each state of a model, the newest one counts.

A line is `{"length": …, "number": …, "sha256": …, "state": …}` in canonical JSON; the checksum is taken over number,
length and content. A line that was being written when the power went is there in part: it is passed over, and the next
one is written in its place, so each cut leaves the state before or the state after. Damage anywhere else is told; the
newest line that is whole counts, and what another version of the agent wrote is read as far as this one understands it.
When the file has grown it is replaced by its newest line at once, which also goes into `<journal>.kept`, where a
journal that cannot be read at all has a copy.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from slipway.serving.bundle.canonical import canonical, sha256
from slipway.serving.edge.agent.ports import Disk
from slipway.serving.edge.agent.state import Phase, State

LARGEST: Final = 256 * 1024
"""Bytes after which it is replaced by its newest line."""
LARGEST_READ: Final = 16 * 1024 * 1024
BEGIN: Final = b'{"length":'
"""Of every line."""
DISPENSABLE: Final = frozenset(
    {"seen", "told", "usual", "vouchers", "watched", "started", "boot", "crashes", "reboots", "tries", "answered"}
)
"""What a state may lose and still say what answers, what is refused and where it was going."""


@dataclass(frozen=True)
class Entry:
    """A whole line."""

    number: int
    state: State


@dataclass(frozen=True)
class Reading:
    """What was found."""

    newest: Entry | None
    sound: int
    """Bytes of the whole lines that nothing damaged stands before."""
    damages: tuple[str, ...] = ()
    """A sentence each; a line that is torn at the end is none."""


class Journal:
    """One model's states on a disk."""

    def __init__(self, disk: Disk, name: str, *, largest: int = LARGEST) -> None:
        self._disk, self._name, self._largest = disk, name, largest
        self._number = self._sound = 0
        self._damaged = False

    def read(self) -> Reading:
        """The newest state; what could not be read is told."""
        found = self._lines(self._name)
        self._sound, self._damaged = found.sound, bool(found.damages)
        if found.newest is None:
            found = self._from_copy(found)
        self._number = found.newest.number if found.newest else 0
        return found

    def write(self, state: State) -> None:
        """Make this the newest state; when it raises, the one before is."""
        line = encoded(self._number + 1, state)
        if self._damaged or self._sound + len(line) > self._largest:
            self._disk.replace(kept_name(self._name), line)
            self._disk.replace(self._name, line)
            self._sound, self._damaged = len(line), False
        else:
            self._disk.write_from(self._name, self._sound, [line])
            self._sound += len(line)
        self._number += 1

    def _from_copy(self, found: Reading) -> Reading:
        """The copy's line where there is one; a new device has neither."""
        copy = self._lines(kept_name(self._name))
        if copy.newest is None:
            return Reading(None, found.sound, (*found.damages, *copy.damages))
        self._damaged = True
        lost = f"{self._name} holds no whole line; the copy in {kept_name(self._name)} counts, which may be older."
        return Reading(copy.newest, 0, (*found.damages, lost))

    def _lines(self, name: str) -> Reading:
        try:
            return read(self._disk.read(name, LARGEST_READ) or b"", name)
        except OSError as error:
            return Reading(None, 0, (f"{name} cannot be read ({error.strerror or error}).",))


def kept_name(name: str) -> str:
    """Where the copy lies."""
    return f"{name}.kept"


def encoded(number: int, state: State) -> bytes:
    """A line."""
    told = state.model_dump(mode="json")
    length, checksum = _checked(number, told)
    return canonical({"length": length, "number": number, "sha256": checksum, "state": told}) + b"\n"


def read(data: bytes, name: str) -> Reading:
    """The lines in these bytes."""
    entries: list[Entry] = []
    damages: list[str] = []
    sound, start, count = 0, 0, 0
    while start < len(data):
        end, count = data.find(b"\n", start), count + 1
        if end < 0:
            break  # torn: whoever wrote it had no time to end the line
        entry, problem = _entry(data[start:end])
        torn = entry is None and end + 1 == len(data)
        if entry is not None and entries and entry.number <= entries[-1].number:
            problem = f"has the number {entry.number} after {entries[-1].number}"
            entry = None
        if entry is not None:
            entries.append(entry)
        elif not torn:
            damages.append(f"{name}: line {count} {problem}; it was passed over.")
        start = end + 1
        if entry is not None and not damages:
            sound = start
    if not entries and not damages and data.strip(b"\0") and not data.startswith(BEGIN):
        damages.append(f"{name} holds no line of a journal; what this device knew of the model is lost.")
    return Reading(entries[-1] if entries else None, sound, tuple(damages))


def _entry(line: bytes) -> tuple[Entry | None, str]:
    """The line's entry, or what is wrong with it."""
    try:
        told = json.loads(line)
        number = told["number"]
        if (told["length"], told["sha256"]) != _checked(number, told["state"]):
            return None, "has another checksum than its content"
        return Entry(number, understood(told["state"])), ""
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        return None, f"is of another agent: {'.'.join(map(str, detail['loc']))}: {detail['msg']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return None, "is no line of a journal"


def understood(told: dict[str, Any]) -> State:
    """A state, also one that another version wrote: what this one does not know, or can do without, is left out."""
    kept = _in_known_phases({name: value for name, value in told.items() if name in State.model_fields})
    try:
        return State.model_validate_json(canonical(kept))
    except ValidationError as error:
        strange = {str(detail["loc"][0]) for detail in error.errors(include_url=False, include_input=False)}
        if not strange <= DISPENSABLE:
            raise
    return State.model_validate_json(canonical({name: kept[name] for name in kept.keys() - strange}))


def _in_known_phases(told: dict[str, Any]) -> dict[str, Any]:
    """With a phase that only a later version has, what was coming is left; it is begun with anew."""
    known, found = {one.value for one in Phase}, dict(told)
    if isinstance(found.get("phase"), str) and found["phase"] not in known:
        resting = Phase.SETTLED if found.get("active") else Phase.IDLE
        found |= {"phase": resting.value, "coming": None, "recovering": False}
    if isinstance(found.get("bad"), list):
        found["bad"] = [
            {**one, "phase": Phase.PROVE.value} if isinstance(one, dict) and one.get("phase") not in known else one
            for one in found["bad"]
        ]
    return found


def _checked(number: object, state: object) -> tuple[int, str]:
    content = canonical(state)
    return len(content), sha256(f"{number}:{len(content)}:".encode() + content)
