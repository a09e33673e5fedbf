"""A run's config, composed with Hydra from a model's folder and overrides; wrong names and values fail here.

    composed = compose("vehicle-reid", ["network=base", "optimizer.lr=3e-4"])

The model's `Config` is the schema: what it lacks cannot be said, what it refuses in `__post_init__` is told with the
file and line, or the override, that said it. The same model and overrides give the same config everywhere: nothing is
taken from the environment or from the folder that this was started in. Threads that compose wait for one another.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import yaml

from slipway.platform.errors import WrongUse
from slipway.platform.models.finder import Model, model_named
from slipway.platform.names import suggestion
from slipway.training.config.build import BadValue, build, keys_of, kind_of
from slipway.training.config.files import SUFFIX, BadConfigFile, ConfigFile, not_yaml, options, read_config_file
from slipway.training.config.overrides import BadOverride, Change, Vocabulary, check_value, checked
from slipway.training.config.schema import RunConfig

if TYPE_CHECKING:
    from hydra.core.default_element import ResultDefault

MAIN: Final = "config"
SCHEMA: Final = "schema"
DEFAULT: Final = "default"
_ONE_AT_A_TIME: Final = Lock()
"""Hydra keeps what it composes from in globals."""


@dataclass(frozen=True)
class Composed:
    """A config in full, with where each value comes from."""

    model: Model
    config: Mapping[str, Any]
    """Plain values, everything resolved."""
    origin: Mapping[str, str]
    """By dotted path: `default`, a file with its line, or the override."""
    overrides: tuple[str, ...]

    @property
    def text(self) -> str:
        """The config as YAML."""
        return to_yaml(self.config)

    @property
    def typed(self) -> RunConfig:
        """The config as the model's own dataclass."""
        return build(config_class(self.model), self.config)


def compose(model: Model | str, overrides: Sequence[str] = ()) -> Composed:
    """The config of a run; whatever is wrong is one `WrongUse`."""
    found = model_named(model) if isinstance(model, str) else model
    vocabulary = vocabulary_of(found)
    changes = checked(overrides, vocabulary)
    with _ONE_AT_A_TIME:
        files, config = _composed(found, vocabulary, changes)
    origin = _origins(vocabulary, files, changes)
    config["model"] = found.name
    try:
        build(vocabulary.config, config)
    except BadValue as error:
        raise _blamed(error, origin, changes) from None
    return Composed(found, config, origin, tuple(overrides))


def vocabulary_of(model: Model) -> Vocabulary:
    """What an override of this model may name."""
    return Vocabulary(config_class(model), options(model.configs))


def config_class(model: Model) -> type[RunConfig]:
    """The model's typed config, from its module `config`."""
    name = f"{model.package}.config"
    try:
        cls = getattr(import_module(name), "Config", None)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        cls = None
    if not (isinstance(cls, type) and issubclass(cls, RunConfig)):
        raise WrongUse(
            f"{model.folder / 'config.py'} has no class `Config` that derives from RunConfig.",
            mend="Every model's folder has one; `slipway new model` makes one.",
        )
    return cls


def to_yaml(config: Mapping[str, Any]) -> str:
    """A config for people, in the order of its keys."""
    return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)


def _composed(
    model: Model, vocabulary: Vocabulary, changes: Sequence[Change]
) -> tuple[list[ConfigFile], dict[str, Any]]:
    """The files that make up the config, in the order in which they are merged, and the config."""
    import hydra
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException
    from hydra.types import RunMode
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    main = model.configs / f"{MAIN}{SUFFIX}"
    if not main.is_file():
        raise BadConfigFile(f"{main} does not exist.", mend="Every model's folder has one.")
    ConfigStore.instance().store(SCHEMA, vocabulary.config)
    texts = [change.for_hydra for change in changes]
    try:
        with hydra.initialize_config_dir(str(model.configs.absolute()), version_base="1.3"):
            loader = GlobalHydra.instance().config_loader()
            defaults = loader.compute_defaults_list(MAIN, texts, RunMode.RUN).defaults
            files = _files(model, vocabulary, defaults)
            config = hydra.compose(MAIN, [*texts, f"model={model.name}"])
        plain: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True, enum_to_str=True)
    except yaml.YAMLError as error:
        raise not_yaml(Path(getattr(getattr(error, "problem_mark", None), "name", main)), error) from None
    except (HydraException, OmegaConfBaseException) as error:
        raise _refused(main, error) from None
    return files, dict(plain)


def _files(model: Model, vocabulary: Vocabulary, defaults: "Sequence[ResultDefault]") -> list[ConfigFile]:
    """The files that are merged, each key and type of theirs checked."""
    files = []
    for one in defaults:
        if one.config_path is None or one.config_path == SCHEMA or one.config_path.partition("/")[0] == "hydra":
            continue
        package = (one.package or "").removeprefix("_global_")
        file = read_config_file(model.configs / f"{one.config_path}{SUFFIX}", package)
        _check_file(file, vocabulary)
        files.append(file)
    return files


def _check_file(file: ConfigFile, vocabulary: Vocabulary) -> None:
    for key, (value, line) in file.leaves.items():
        place = f"{file.path}:{line}"
        if kind_of(vocabulary.config, key) is None:
            valid = keys_of(vocabulary.config)
            raise BadConfigFile(f"{place}: there is no key `{key}`.", mend=suggestion(key, valid))
        if isinstance(value, dict):
            continue
        try:
            check_value(f"{key}: {value}", key, value, Vocabulary(vocabulary.config, {}))
        except BadOverride as error:
            raise BadConfigFile(f"{place}: {error}", mend=error.mend) from None


def _refused(main: Path, error: Exception) -> WrongUse:
    """What Hydra says where none of our own checks came first."""
    cause = error.__cause__ if not str(error) and error.__cause__ is not None else error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    kept = [
        line for line in lines if not line.startswith(("full_key:", "object_type=", "Config search path", "provider="))
    ]
    return BadConfigFile(f"{main}: {' '.join(kept[:6])}".rstrip(".") + ".")


def _origins(vocabulary: Vocabulary, files: Sequence[ConfigFile], changes: Sequence[Change]) -> dict[str, str]:
    origin = dict.fromkeys(keys_of(vocabulary.config), DEFAULT)
    for file in files:
        origin.update({key: f"{file.path}:{line}" for key, (_, line) in file.leaves.items()})
    for change in changes:
        if not change.group:
            origin.update(dict.fromkeys(_leaves(change.key, change.value), change.text))
    return origin


def _leaves(key: str, value: object) -> list[str]:
    """The dotted paths that an override sets."""
    if not isinstance(value, Mapping):
        return [key]
    return [leaf for name, inner in value.items() for leaf in _leaves(f"{key}.{name}", inner)]


def _blamed(error: BadValue, origin: Mapping[str, str], changes: Sequence[Change]) -> WrongUse:
    """A value that the typed config refused, with who said it: of keys that do not go together, the one given here."""
    place = origin.get(error.key)
    texts = {change.text for change in changes}
    if place not in texts:
        words = re.split(r"[^\w.]+", str(error))
        named = [change.text for change in changes if change.key in words]
        below = [change.text for change in changes if place is None and change.key.startswith(error.key)]
        place = next(iter(reversed([*below, *named])), place or DEFAULT)
    if place == DEFAULT:
        return error
    return BadOverride(f"`{place}`: {error}" if place in texts else f"{place}: {error}", mend=error.mend)
