"""From a tool's file to words about rows: whose they are, which of them say something, and what is wrong with them.

Nothing is changed here. All that is wrong is told at once, with its place in the file.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.pipelines.labelling.devices import FLEET, KIND, fresh_of, not_in, shots
from slipway.pipelines.labelling.gathering import categories_for, contracted
from slipway.pipelines.labelling.task import Task
from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion

if TYPE_CHECKING:
    from slipway.platform.data.exchange.problems import Problems
    from slipway.platform.data.labels.changing import Fresh, Said
    from slipway.platform.data.labels.relabelling import Asked
    from slipway.platform.data.labels.sheets import Names
    from slipway.platform.data.labels.words import Draft, Word
    from slipway.platform.data.manifest import Provenance
    from slipway.platform.data.snapshot import Snapshot
    from slipway.platform.settings import Loaded

LONGEST: Final = 64


@dataclass(frozen=True, kw_only=True)
class Import:
    """What a person says of a file with labels."""

    source: Path
    format: str
    authors: tuple[str, ...]
    """`NAME`, or `WHO=NAME` for each person that the file names."""
    asked: "Asked" = "human"
    now: str
    """When, where the file does not tell: an ISO moment in UTC."""
    empty: bool = False
    """Whether an image without a box is one in which there is nothing."""
    changed_only: bool = False
    """Whether rows that the file leaves as they are were not looked at."""
    categories: tuple[str, ...] = ()
    """Such as no row has yet."""
    given: Mapping[str, str | None] = field(default_factory=dict)
    """Columns of pictures of devices that somebody knows better, such as `light`."""


@dataclass(frozen=True)
class Heard:
    """What the file says, ready to be brought into a snapshot."""

    said: "Said"
    silent: int
    """Images of which it says nothing."""


def read_labels(
    wanted: Import, loaded: "Loaded", base: "Snapshot | None", tasks: Iterable[Task], model: str | None = None
) -> Heard:
    """Read a file against a snapshot and the pictures of devices that these tasks asked for."""
    from slipway.platform.data.exchange.problems import Problems
    from slipway.platform.data.labels.changing import Said
    from slipway.platform.data.labels.formats import SHEET_READERS
    from slipway.platform.data.labels.sheets import Names

    problems = Problems()
    fresh, origins = fresh_pictures(loaded, base, tasks, wanted.given)
    known = [(sample, one.image.source, one.image.width, one.image.height) for sample, one in fresh.items()]
    names = Names([*_rows(base), *known])
    draft = SHEET_READERS[wanted.format](wanted.source, names, problems)
    words = _by_people(draft.words, wanted, problems)
    _check_categories(words, {*_known_categories(base, model), *wanted.categories}, problems)
    problems.stop_if_any()
    said = Said(tuple(words), wanted.asked, wanted.now, fresh, origins)
    kept = _saying_something(said, wanted, base)
    _check_any(wanted, draft, names)
    return Heard(replace(said, words=kept), draft.silent + len(words) - len(kept))


def fresh_pictures(
    loaded: "Loaded", base: "Snapshot | None", tasks: Iterable[Task], given: Mapping[str, str | None] | None = None
) -> "tuple[dict[str, Fresh], tuple[Provenance, ...]]":
    """Pictures of devices that tasks asked for and the snapshot has not, by sample, and what to say of their origin."""
    from slipway.platform.data.manifest import Provenance

    index = base.index if base is not None else None
    wanted = set(not_in(base, (one for task in tasks for one in task.wanted.pictures)))
    fresh = {one.sample: fresh_of(one, index, given) for one in shots(loaded, wanted)}
    return fresh, (Provenance(kind=KIND, source=FLEET),) if fresh else ()


def _rows(base: "Snapshot | None") -> list[tuple[str, str, int, int]]:
    if base is None:
        return []
    columns = (base.index[name].to_pylist() for name in ("sample", "source", "width", "height"))
    return list(zip(*columns, strict=True))


def _by_people(words: "list[Word]", wanted: Import, problems: "Problems") -> "list[Word]":
    """Each word under the name that people know its author by."""
    plain, named = _names(wanted.authors)
    foreign = sorted({one.author for one in words if one.author and one.author not in named})
    if plain is None and (foreign or any(not one.author for one in words)):
        missing = f"`{foreign[0]}`, whom the file names" if foreign else "the labels, of which the file names nobody"
        problems.add(f"Nobody is given for {missing}: --author {f'{foreign[0]}=' if foreign else ''}NAME.")
    if plain is not None and len(foreign) > 1:
        told = " ".join(f"--author {one}=NAME" for one in foreign[:4])
        problems.add(f"The file has labels of {len(foreign)} people, and --author {plain} is one: {told}.")
    return [replace(one, author=named.get(one.author, plain or "")) for one in words]


def _names(authors: Iterable[str]) -> tuple[str | None, dict[str, str]]:
    """The one name for all, and names by whom the file names."""
    plain: list[str] = []
    named: dict[str, str] = {}
    for one in authors:
        who, mark, name = one.rpartition("=")
        name = name.strip()
        if not name or len(name) > LONGEST or not name.isprintable() or (mark and not who):
            raise WrongUse(f"--author {one!r} is no name.", mend="--author ada, or --author 7=ada for number 7.")
        if mark:
            named[who.strip()] = name
        else:
            plain.append(name)
    if len(plain) > 1:
        told = ", ".join(plain)
        raise WrongUse(f"--author names {told}.", mend="Give one, or say who is who: --author 7=ada --author 9=ben.")
    return (plain[0] if plain else None), named


def _known_categories(base: "Snapshot | None", model: str | None) -> set[str]:
    """Of the model; where none is meant, of every row and every model."""
    from slipway.platform.models.finder import installed_models

    named = [label for one in installed_models() for label in contracted(one)] if model is None else []
    return {*categories_for(base, model), *named}


def _check_categories(words: "list[Word]", known: set[str], problems: "Problems") -> None:
    """A category that no row has is a slip more often than a new one."""
    if not known:
        return
    found = Counter(one.mark.category for word in words for one in word.drawn or ())
    places = {one.mark.category: word.place for word in reversed(words) for one in word.drawn or ()}
    for category in sorted(found.keys() - known):
        problems.add(
            f"{places[category]}: no row is labelled `{category}` ({found[category]} here). "
            f"{suggestion(category, sorted(known))} A new one is said with --category."
        )


def _saying_something(said: "Said", wanted: Import, base: "Snapshot | None") -> "tuple[Word, ...]":
    """Without rows that nobody may have looked at."""
    from slipway.platform.data.labels.formats import EMPTY_IS_SAID
    from slipway.platform.data.labels.history import mark_of
    from slipway.platform.data.labels.marks import unmoved
    from slipway.platform.data.labels.relabelling import known_rows
    from slipway.platform.data.labels.words import marks_of
    from slipway.platform.data.rows import box_row

    rows = known_rows(base, [one.sample for one in said.words]) if base is not None else {}
    kept = []
    for word in said.words:
        if word.sample in rows:
            image, boxes = rows[word.sample]
            size, before = (image["width"], image["height"]), [mark_of(box) for box in boxes]
        else:
            fresh = said.fresh[word.sample]
            size = fresh.image.width, fresh.image.height
            before = [mark_of(box_row(word.sample, box)) for box in fresh.boxes]
        nothing = not word.drawn and not before and wanted.format not in EMPTY_IS_SAID and not wanted.empty
        same = wanted.changed_only and unmoved(marks_of(word.drawn or (), before, size), before)
        if not nothing and not same:
            kept.append(word)
    return tuple(kept)


def _check_any(wanted: Import, draft: "Draft", names: "Names") -> None:
    if not draft.words and not draft.silent:
        raise WrongUse(
            f"{wanted.source} says nothing of any image ({len(names.sizes)} are known).",
            mend="Export the whole task from the tool.",
        )
