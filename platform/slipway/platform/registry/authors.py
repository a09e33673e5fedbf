"""Who trained a version and who last wrote its code: those who do not approve it.

The trainer is whoever started one of the run's attempts. The writer is the author of the last commit that touched the
model's folder, code and configs alike, at the revision that the run was started from, found by e-mail among the
people; an unknown one stays an e-mail address. Where the work tree differed from that commit, or git knows nothing,
what was written is the trainer's.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from slipway.platform.identity import People, Person
from slipway.platform.runs.code.folders import run_git
from slipway.platform.runs.standing import numbers, spec_of
from slipway.platform.store import Store

DIRTY: Final = "+dirty"


@dataclass(frozen=True)
class Hands:
    """Who had a hand in a run."""

    trained: tuple[str, ...] = ()
    wrote: tuple[str, ...] = ()
    revision: str = ""
    remarks: tuple[str, ...] = ()
    """What could not be found out."""


def hands_of(store: Store, people: People, run_key: str, folder: Path | None) -> Hands:
    """Those who trained the run and wrote its code; `folder` is the model's on this machine."""
    specs = [spec for number in numbers(store, run_key) if (spec := spec_of(store, run_key, number))]
    trained = tuple(dict.fromkeys(spec.submitted_by for spec in specs))
    remarks = [f"The people file does not know `{name}`, who trained it." for name in trained if not people.get(name)]
    revision = specs[-1].revision if specs else ""
    wrote: dict[str, None] = {}
    for spec in {spec.revision: spec for spec in specs}.values():
        commit, _, dirty = spec.revision.partition("+")
        email = last_writer(folder, commit) if commit and folder else None
        if email:
            wrote[name_of(people, email)] = None
        elif commit:
            remarks.append(f"Git knows nobody here who wrote the model at {commit[:12]}.")
        if dirty or not email:
            wrote[spec.submitted_by] = None
    return Hands(trained, tuple(wrote), revision, tuple(remarks))


def last_writer(folder: Path, commit: str) -> str | None:
    """The e-mail address of the author of the last commit that touched the folder, up to that commit."""
    found = run_git(folder, "log", "-1", "--format=%ae", "--end-of-options", commit, "--", ".")
    return (found or "").strip() or None


def name_of(people: People, email: str) -> str:
    """The person with that e-mail address, else the address."""
    return next((one.name for one in people.persons if (one.email or "").lower() == email.lower()), email)


def is_barred(person: Person, barred: tuple[str, ...]) -> bool:
    """Whether this person is one of those, by name or by e-mail address."""
    emails = {one.lower() for one in barred if "@" in one}
    return person.name in barred or (person.email or "").lower() in emails
