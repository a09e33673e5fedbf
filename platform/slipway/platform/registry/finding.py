"""From what a person writes to the version that is meant: `NAME`, `NAME/VERSION`, `NAME@champion`, `NAME@challenger`.

Aliases mean what the ledger says, not what MLflow shows.
"""

import re
from dataclasses import dataclass
from typing import Final

from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion
from slipway.platform.registry.decisions import About
from slipway.platform.registry.desk import Desk
from slipway.platform.registry.guarding import CHALLENGER, CHAMPION
from slipway.platform.registry.records import VersionRecord, agreed, versions_in
from slipway.platform.registry.standing import ModelStanding, VersionStanding

_GIVEN: Final = re.compile(r"(?P<model>[a-z0-9-]+)(?:/(?P<number>[0-9]+)|@(?P<alias>[a-z]+))?")


@dataclass(frozen=True)
class Picked:
    """A version, and where its model stands."""

    record: VersionRecord
    version: VersionStanding
    standing: ModelStanding

    @property
    def name(self) -> str:
        """As people write it."""
        return f"{self.record.model}/{self.record.number}"

    def about(self, verdict: str = "") -> About:
        """For a decision."""
        return About(self.record.model, self.record.bundle, self.record.number, verdict)


def model_of(given: str) -> str:
    """The model's name in what was written."""
    match = _GIVEN.fullmatch(given)
    if match is None:
        raise WrongUse(
            f"`{given}` names no version.", mend="Write NAME, NAME/VERSION, NAME@champion or NAME@challenger."
        )
    return match["model"]


def whole(given: str) -> bool:
    """Whether a model is meant and no single version."""
    return "/" not in given and "@" not in given


def standing_named(desk: Desk, model: str) -> ModelStanding:
    """Where the model stands; one without versions is not known."""
    found = desk.standing(model)
    if not found.versions and not found.verdicts:
        known = {one.model for one in versions_in(desk.store)}
        mend = suggestion(model, known) if known else "`slipway model register BUNDLE` makes the first version."
        raise WrongUse(f"{desk.store.url} has no version of a model `{model}`.", mend=mend)
    return found


def pick(desk: Desk, given: str) -> Picked:
    """The version that is meant; a model's name alone means its challenger, else its champion."""
    model = model_of(given)
    match = _GIVEN.fullmatch(given)
    standing = standing_named(desk, model)
    if match and match["number"]:
        version = standing.numbered(match["number"])
        if version is None:
            numbers = ", ".join(one.number for one in standing.versions.values()) or "none"
            raise WrongUse(f"{model} has no version {match['number']}.", mend=f"There are: {numbers}.")
    else:
        version = _aliased(standing, match["alias"] if match else None)
    return Picked(agreed(desk.store, model, version), version, standing)


def _aliased(standing: ModelStanding, alias: str | None) -> VersionStanding:
    named = {CHAMPION: standing.champion, CHALLENGER: standing.challenger}
    if alias is not None and alias not in named:
        raise WrongUse(f"There is no alias `{alias}`.", mend=suggestion(alias, named))
    bundle = named[alias] if alias else standing.challenger or standing.champion
    if bundle is None:
        raise WrongUse(
            f"{standing.model} has no {alias or 'challenger and no champion'}.",
            mend=f"`slipway model list {standing.model}` shows its versions.",
        )
    return standing.versions[bundle]
