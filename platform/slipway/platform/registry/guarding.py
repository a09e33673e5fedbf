"""What the guard does about our aliases in MLflow: a pure decision.

The ledger says who is champion and challenger. An alias that differs has either not followed the ledger yet, because
whoever promoted was killed before MLflow heard of it, or somebody set, moved or deleted it by hand: it is by hand where
it is neither what the ledger says nor what the aliases last were made (`guard_settled`). A champion that was set by
hand and has all that a promotion needs is accepted, and the ledger told; anything else is put back.

What a promotion needs is not decided here: `obstacles` says what stands in the way of a version. One that is
quarantined is never accepted.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from slipway.platform.registry.guard_settled import Settled
from slipway.platform.registry.standing import ModelStanding, VersionStanding

CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
ALIASES: Final = (CHAMPION, CHALLENGER)

Obstacles = Callable[[ModelStanding, VersionStanding], Sequence[str]]
"""What stands in the way of promoting the version now, a sentence each; nothing where it may be promoted."""


@dataclass(frozen=True)
class Deed:
    """One thing to do about one alias."""

    kind: Literal["follow", "restore", "accept"]
    """Let it follow the ledger, put it back, or let the ledger know."""
    alias: str
    found: str | None
    """The number that the alias stands for in MLflow."""
    wanted: str | None
    """The number that it should stand for; None for no version."""
    why: str
    about: VersionStanding | None = None
    """The version that was touched, where it is one of ours; else the one that the alias goes back to."""

    @property
    def told(self) -> str:
        """In words, for a person."""
        to = f"version {self.wanted}" if self.wanted else "no version"
        match self.kind:
            case "follow":
                return f"`{self.alias}` follows the ledger to {to}."
            case "accept":
                return f"`{self.alias}` was set to version {self.found} by hand and is accepted: {self.why}"
        return f"`{self.alias}` {self.moved} by hand and goes back to {to}: {self.why}"

    @property
    def moved(self) -> str:
        """What happened to it."""
        return f"was set to version {self.found}" if self.found else "was deleted"


@dataclass(frozen=True)
class Judged:
    """What is to be done about a model."""

    deeds: tuple[Deed, ...] = ()
    lost: tuple[str, ...] = ()
    """What cannot be made good, a sentence each: MLflow has no such version any more."""


def decide(
    standing: ModelStanding,
    aliases: Mapping[str, str],
    there: Collection[str],
    settled: Settled,
    obstacles: Obstacles,
) -> Judged:
    """Compare the ledger with MLflow's aliases; `there` are the numbers of the versions that MLflow has."""
    deeds: list[Deed] = []
    lost: list[str] = []
    for alias, wanted in wanted_aliases(standing).items():
        if wanted is not None and wanted not in there:
            lost.append(
                f"Version {wanted} of {standing.model} is {alias} by the ledger, and MLflow has it no more: "
                "restore MLflow's database, or promote another version."
            )
            wanted = None  # noqa: PLW2901 - an alias can stand for what is there only
        found = aliases.get(alias)
        if found == wanted:
            continue
        if found == settled.aliases.get(alias):
            deeds.append(Deed("follow", alias, found, wanted, ""))
        elif alias == CHAMPION:
            deeds.append(_judged(standing, found, wanted, obstacles))
        else:
            about = _about(standing, found, wanted)
            deeds.append(Deed("restore", alias, found, wanted, "The gates and the ledger say who it is.", about))
    return Judged(tuple(deeds), tuple(lost))


def wanted_aliases(standing: ModelStanding) -> dict[str, str | None]:
    """The number that each of our aliases stands for by the ledger."""
    bundles = {CHAMPION: standing.champion, CHALLENGER: standing.challenger}
    return {alias: standing.versions[bundle].number if bundle else None for alias, bundle in bundles.items()}


def _judged(standing: ModelStanding, found: str | None, wanted: str | None, obstacles: Obstacles) -> Deed:
    """A champion that was set, moved or deleted by hand."""
    version = standing.numbered(found) if found else None
    about = _about(standing, found, wanted)
    if found is None:
        why = ["Whoever is champion is so by the ledger, also without an alias."]
    elif version is None:
        why = [f"Version {found} was not registered by slipway."]
    elif version.quarantined:
        why = [f"Version {found} is quarantined."]
    else:
        why = list(obstacles(standing, version))
    if why:
        return Deed("restore", CHAMPION, found, wanted, " ".join(why), about)
    return Deed("accept", CHAMPION, found, wanted, "Verdict and approvals are there.", about)


def _about(standing: ModelStanding, found: str | None, wanted: str | None) -> VersionStanding | None:
    named = standing.numbered(found) if found else None
    return named or (standing.numbered(wanted) if wanted else None)
