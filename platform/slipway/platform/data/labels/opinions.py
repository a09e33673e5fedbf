"""What holds of an image when several have spoken: a pure function of what holds now and of the next word.

    unlabelled ──machine──▶ auto ──person──▶ human ──another, the same──▶ reviewed
                                               └──another, otherwise──▶ disputed ──two agree──▶ reviewed

- A machine's label is `auto`; it takes the place of another machine's, never of a person's.
- A person's label is `human`, also where it says what a machine has said. The person may correct it.
- Another person who says the same makes it `reviewed`. Nobody reviews what they labelled themselves.
- Two people who differ make it `disputed`: what held stands, the other word is kept beside it. It is settled when
  somebody says what another person has said.
- A label that is `reviewed` is disputed by whoever says otherwise.

Where a label came without a name, as from a file of long ago, nobody can tell whose it is: the first person who speaks
is its author.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from slipway.platform.data.labels.marks import Mark, agree, unmoved

NAMELESS: Final = ""
PEOPLES: Final = ("human", "reviewed", "disputed")
"""States that a person has spoken in."""

Become = Literal["labelled", "confirmed", "corrected", "reviewed", "disputed", "unchanged", "left"]


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """What somebody said of an image."""

    author: str
    at: str
    """ISO moment in UTC; empty where nobody knows."""
    marks: tuple[Mark, ...] | None
    """None: what holds is wrong, without saying what is right."""
    machine: bool = False


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What holds of an image, and who said what."""

    state: str = "unlabelled"
    marks: tuple[Mark, ...] = ()
    author: str | None = None
    """Who said first what holds."""
    opinions: tuple[Opinion, ...] = field(default=())
    """The word of each, in the order in which they spoke."""


@dataclass(frozen=True)
class Outcome:
    """What a word makes of it."""

    labels: Labels
    how: Become
    why: str = ""
    """Where it was left as it is."""


def heard(before: Labels, word: Opinion, *, review: bool = False) -> Outcome:
    """What holds after somebody has spoken. `review`: they say to have looked at what another person labelled."""
    if word.machine:
        return _machine(before, word)
    mine = next((one for one in before.opinions if one.author == word.author and not one.machine), None)
    if mine is not None and _same_word(mine, word):
        return _again(before, review=review)
    others = tuple(one for one in before.opinions if not one.machine and one is not mine)
    if word.marks is None:
        return _denied(before, word, others)
    if review and not others:
        return Outcome(before, "left", _nobody_else(before, word, mine))
    return _person(before, word, others, replacing=mine is not None)


def _machine(before: Labels, word: Opinion) -> Outcome:
    if before.state in PEOPLES:
        return Outcome(before, "left", f"a person has labelled it ({before.state}): no machine's label takes its place")
    marks = word.marks or ()
    if before.state == "auto" and before.author == word.author and unmoved(before.marks, marks):
        return Outcome(before, "unchanged")
    return Outcome(Labels(state="auto", marks=marks, author=word.author, opinions=(word,)), "labelled")


def _again(before: Labels, *, review: bool) -> Outcome:
    """The same from the same person changes nothing."""
    if review and before.state == "human":
        return Outcome(before, "left", f"{before.author} labelled it, and nobody reviews their own labels")
    return Outcome(before, "unchanged")


def _person(before: Labels, word: Opinion, others: tuple[Opinion, ...], *, replacing: bool) -> Outcome:
    marks = word.marks or ()
    same = next((one for one in others if one.marks is not None and agree(one.marks, marks)), None)
    if same is not None:
        return _agreed(before, word, others, same)
    against = [one for one in others if one.marks is not None or agree(before.marks, marks)]
    if against:
        return _disputed(before, (*_machines(before), *others, word))
    kept = before.marks if unmoved(before.marks, marks) else marks
    now = Labels(
        state="human", marks=kept, author=word.author, opinions=(*_machines(before), replace(word, marks=kept))
    )
    if replacing:
        return Outcome(now, "corrected")
    return Outcome(now, "confirmed" if before.state in ("auto", "human") and kept is before.marks else "labelled")


def _agreed(before: Labels, word: Opinion, others: tuple[Opinion, ...], same: Opinion) -> Outcome:
    """Somebody else has said so before: theirs is what holds."""
    marks = same.marks or ()
    if before.state == "reviewed" and agree(before.marks, marks):
        return Outcome(before, "unchanged")
    now = Labels(
        state="reviewed",
        marks=marks,
        author=same.author or before.author,
        opinions=(*_machines(before), *others, replace(word, marks=marks)),
    )
    return Outcome(now, "reviewed")


def _denied(before: Labels, word: Opinion, others: tuple[Opinion, ...]) -> Outcome:
    if before.state == "unlabelled":
        return Outcome(before, "left", "nobody has labelled it: there is nothing to dispute")
    opinions = (*_machines(before), *others, word)
    return Outcome(replace(before, state="disputed", opinions=opinions), "disputed")


def _disputed(before: Labels, opinions: tuple[Opinion, ...]) -> Outcome:
    """What held stands as long as somebody says so, else what was said first."""
    said = [one for one in opinions if one.marks is not None and not one.machine]
    still = [one for one in said if agree(one.marks or (), before.marks)]
    holding = next((one for one in still if one.marks == before.marks), (*still, *said)[0])
    author = holding.author or before.author
    now = Labels(state="disputed", marks=holding.marks or (), author=author, opinions=opinions)
    return Outcome(now, "disputed")


def _machines(labels: Labels) -> tuple[Opinion, ...]:
    """What machines said stays beside it."""
    return tuple(one for one in labels.opinions if one.machine)


def _same_word(one: Opinion, other: Opinion) -> bool:
    if one.marks is None or other.marks is None:
        return one.marks is other.marks
    return unmoved(one.marks, other.marks)


def _nobody_else(before: Labels, word: Opinion, mine: Opinion | None) -> str:
    if mine is not None:
        return f"{word.author} labelled it, and nobody reviews their own labels"
    if before.state == "human":
        return "nobody is named who labelled it: the first person who speaks is its author, the next one reviews it"
    return f"no person has labelled it yet ({before.state})"


def people(opinions: Sequence[Opinion]) -> list[str]:
    """Who has spoken, machines left out."""
    return [one.author or "somebody" for one in opinions if not one.machine]
