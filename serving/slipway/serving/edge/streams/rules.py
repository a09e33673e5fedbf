"""What of a site's configuration decisions are taken by: its thresholds, in place of those of a model's contract.

They change what is made of an answer and never what answers, so nothing is loaded again for them. Every event names
the configuration, so that a decision leads back to the thresholds, areas and masks that were in force.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from slipway.serving.bundle.contract import Contract
from slipway.serving.edge.decisions import PREFIX
from slipway.serving.edge.streams.answers import SCORES, categories_of, kind_of, threshold_of
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.live import LoadedModel

COSINE: Final = "cosine"
"""The least cosine of two vectors that say the same."""


@dataclass(frozen=True)
class Rules:
    """Of one configuration; without one, each contract's own thresholds count."""

    site: str = ""
    number: int = 0
    digest: str = ""
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By model, and in it by name."""
    _judging: dict[str, Contract] = field(default_factory=dict, compare=False, repr=False)

    def judging(self, loaded: LoadedModel) -> LoadedModel:
        """The same model with the thresholds that count here."""
        own = self.thresholds.get(loaded.model)
        if not own:
            return loaded
        contract = self._judging.get(loaded.bundle)
        if contract is None:
            contract = self._judging[loaded.bundle] = with_thresholds(loaded.contract, own)
        return replace(loaded, contract=contract)

    def told(self) -> dict[str, Any]:
        """As events say it."""
        if not self.number:
            return {}
        return {"site": {"name": self.site, "configuration": self.number, "digest": self.digest[:PREFIX]}}

    def unknown(self, loaded: LoadedModel) -> list[str]:
        """Names of thresholds that this model does not have, so that nothing comes of them."""
        own = self.thresholds.get(loaded.model)
        return sorted(own.keys() - set(known_thresholds(loaded.contract))) if own else []


def known_thresholds(contract: Contract) -> Iterator[str]:
    """The names by which a threshold of a model may be set: its own, and each of its categories."""
    yield from contract.thresholds
    yield from _categories(contract)
    yield COSINE


def with_thresholds(contract: Contract, own: Mapping[str, float]) -> Contract:
    """A contract with some thresholds in place of its own; those that it does not know are left out.

    One for all categories stays that for those of which nothing else is said.
    """
    known = set(known_thresholds(contract))
    merged = {**contract.thresholds, **{name: value for name, value in own.items() if name in known}}
    general = contract.model_copy(
        update={"thresholds": {name: merged[name] for name in contract.thresholds}}
    )  # so that the only one is found, also where categories come beside it
    if _detects(contract):
        merged |= {name: merged.get(name, threshold_of(name, general)) for name in _categories(contract)}
    return contract.model_copy(update={"thresholds": merged})


def _categories(contract: Contract) -> tuple[str, ...]:
    if _detects(contract):
        output = next(one for one in contract.outputs if one.name in SCORES)
        count = output.dims[1] if len(output.dims) == 4 else output.dims[-1]  # noqa: PLR2004 - a map
        return tuple(categories_of(output, count, contract)) if isinstance(count, int) else ()
    return tuple(label for one in contract.outputs for label in one.labels)


def _detects(contract: Contract) -> bool:
    try:
        return kind_of(contract) == "detector"
    except WrongUse:
        return False
