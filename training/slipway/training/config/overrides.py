"""Overrides such as `optimizer.lr=3e-4` and `network=base`, checked one by one against what a model's config knows.

Hydra's grammar parses them. What it would add, delete or move is refused: a typed config has all of its keys. Wrong
keys, groups, options and types are told with the nearest valid one before anything is composed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.errors import WrongUse
from slipway.platform.names import nearest, suggestion
from slipway.training.config.build import BadValue, convert, is_open, keys_of, kind_of

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

INTERPOLATION: Final = "${"
SWEEP_MEND: Final = "One training has one value; `slipway sweep` tries several."

SWEEPS: Final = "As in: choice(small,base), range(16,65,16), interval(0,0.1), tag(log,interval(1e-4,1e-2))."


class BadOverride(WrongUse):
    """An override that the model's config does not take."""


@dataclass(frozen=True)
class Vocabulary:
    """What an override may name: the keys of a typed config, and groups with their options."""

    config: type
    groups: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Change:
    """A checked override."""

    text: str
    """As it was written."""
    key: str
    group: bool
    value: Any
    """None for a sweep."""
    parsed: "Override"
    added: bool
    """Whether it names a new key of a dictionary."""

    @property
    def for_hydra(self) -> str:
        """The override as Hydra wants it."""
        bare = self.text.lstrip("+")
        return f"++{bare}" if self.added else bare


def checked(texts: Sequence[str], vocabulary: Vocabulary, *, sweeps: bool = False) -> list[Change]:
    """All overrides, the first wrong one refused; `sweeps` allows those that stand for several values."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parser = OverridesParser.create()
    return [_checked(text, parser, vocabulary, sweeps=sweeps) for text in texts]


def _checked(text: str, parser: Any, vocabulary: Vocabulary, *, sweeps: bool) -> Change:  # noqa: ANN401 - Hydra's
    bare = text.lstrip("+~")
    key = bare.partition("=")[0].strip()
    _check_shape(text, key, vocabulary)
    group = key in vocabulary.groups
    if not group and kind_of(vocabulary.config, key) is None:
        raise BadOverride(f"`{text}`: there is no key `{key}`.", mend=_nearest_key(key, vocabulary))
    added = is_open(vocabulary.config, key)
    if text != bare and not added:
        raise BadOverride(f"`{text}`: every key is there already.", mend=f"Write `{bare}`.")
    parsed = _parsed(bare, parser)
    if parsed.is_sweep_override():
        if not sweeps:
            raise BadOverride(f"`{text}` stands for several values.", mend=SWEEP_MEND)
        return Change(text, key, group, None, parsed, added)
    value = parsed.value()
    check_value(text, key, value, vocabulary)
    return Change(text, key, group, value, parsed, added)


def check_value(text: str, key: str, value: Any, vocabulary: Vocabulary) -> None:  # noqa: ANN401 - whatever was written
    """Refuse an option that a group lacks, and a value of another type; `text` is what was written."""
    if key in vocabulary.groups:
        known = vocabulary.groups[key]
        if value not in known:
            raise BadOverride(f"`{text}`: `{key}` has no option `{value}`.", mend=suggestion(str(value), known))
        return
    if isinstance(value, str) and INTERPOLATION in value:
        return
    try:
        convert(kind_of(vocabulary.config, key), value, key)
    except BadValue as error:
        raise BadOverride(f"`{text}`: {error}", mend=error.mend) from None


def _check_shape(text: str, key: str, vocabulary: Vocabulary) -> None:
    if text.startswith("~"):
        raise BadOverride(f"`{text}`: no key can be left out.", mend=f"Give it another value: `{key}=...`.")
    if "=" not in text:
        close = _nearest_key(key, vocabulary) if kind_of(vocabulary.config, key) is None else None
        raise BadOverride(f"`{text}` is no KEY=VALUE.", mend=close or f"Write `{key}=` and the value.")
    if key.partition(".")[0].partition("/")[0] == "hydra":
        raise BadOverride(f"`{text}`: Hydra's own settings have no effect here.", mend="Leave it out.")
    if "@" in key or ":" in key:
        raise BadOverride(f"`{text}`: a group has one place.", mend=f"Write `{key.partition('@')[0]}=...`.")
    if key == "model":
        raise BadOverride(f"`{text}`: the model is named by the command.", mend="Leave it out.")


def _parsed(text: str, parser: Any) -> "Override":  # noqa: ANN401 - Hydra's
    from hydra.errors import HydraException

    try:
        parsed: Override = parser.parse_override(text)
    except HydraException as error:
        key, _, value = text.partition("=")
        said = " ".join(str(error).split()).rstrip(".") or "it does not follow Hydra's grammar"
        if "(" in value and " while evaluating " in said:  # `interval(1,x)`: what the function says of its arguments
            why = said.rpartition("': ")[2]
            raise BadOverride(f"`{text}`: {why}.", mend=SWEEPS) from None
        raise BadOverride(
            f"`{text}`: the value cannot be read: {said}.", mend=f"Quote what is plain text: {key}='\"{value}\"'."
        ) from None
    return parsed


def _nearest_key(key: str, vocabulary: Vocabulary) -> str:
    """The key or group that was most likely meant: by its whole path, or by its last name alone."""
    valid = [*keys_of(vocabulary.config), *vocabulary.groups]
    close = nearest(key, valid)
    if close is None:
        last = key.rpartition(".")[2]
        by_last = {one.rpartition(".")[2]: one for one in reversed(valid)}
        found = nearest(last, by_last)
        close = by_last[found] if found else None
    return f"Did you mean `{close}`?" if close else "`slipway train MODEL --cfg` prints all keys."
