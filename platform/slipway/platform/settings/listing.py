"""The effective settings as a list that can be shown: secrets masked, each value with its origin."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from slipway.platform.masking import masked
from slipway.platform.settings.explain import Origin
from slipway.platform.settings.load import Loaded
from slipway.platform.settings.toml_lines import KeyPath


@dataclass(frozen=True)
class Entry:
    """One setting as it is in force."""

    key: str
    value: str | float | bool | None
    origin: Origin

    def text(self) -> str:
        """The value as people read it."""
        if self.value is None:
            return "-"
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)

    def as_json(self) -> dict[str, Any]:
        """The entry for scripts."""
        return asdict(self)


def listing(loaded: Loaded) -> list[Entry]:
    """Every setting of a context, in the schema's order."""
    values = loaded.settings.model_dump(mode="json")
    return [Entry(".".join(path), _shown(value), loaded.origin(path)) for path, value in _leaves(values, ())]


def _shown(value: Any) -> Any:  # noqa: ANN401 - a JSON scalar
    """SecretStr already writes itself as asterisks; addresses may carry a password of their own."""
    return masked(value) if isinstance(value, str) else value


def _leaves(value: dict[str, Any], above: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _leaves(inner, (*above, name))
        else:
            yield (*above, name), inner
