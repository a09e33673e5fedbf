"""A model's config files with the line of every key, so that a slip and an origin can name it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from slipway.platform.errors import WrongUse

DEFAULTS: Final = "defaults"
SUFFIX: Final = ".yaml"


class BadConfigFile(WrongUse):
    """A config file that cannot be used."""


@dataclass(frozen=True)
class ConfigFile:
    """What a file says, by dotted path below its place in the config, each with its line."""

    path: Path
    leaves: Mapping[str, tuple[Any, int]]


def read_config_file(path: Path, package: str = "") -> ConfigFile:
    """The file's values at the paths that they get when it is put at `package`."""
    from omegaconf._utils import get_yaml_loader  # numbers such as 1e-3 as Hydra reads them

    loader = get_yaml_loader()
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=loader)
        leaves = dict(_leaves(node, package, loader("")))
    except yaml.YAMLError as error:
        raise not_yaml(path, error) from None
    except UnicodeDecodeError:
        raise BadConfigFile(f"{path} is no text in UTF-8.") from None
    except OSError as error:
        raise BadConfigFile(f"{path}: {error.strerror}.") from None
    return ConfigFile(path, leaves)


def not_yaml(path: Path, error: yaml.YAMLError) -> BadConfigFile:
    """What is wrong with a file that YAML does not understand."""
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark is not None else ""
    return BadConfigFile(f"{path}{line}: this is no YAML: {getattr(error, 'problem', None) or error}.")


def options(folder: Path) -> Mapping[str, list[str]]:
    """The groups of a folder of configs with the options of each."""
    groups: dict[str, list[str]] = {}
    for file in sorted(folder.glob(f"*/**/*{SUFFIX}")):
        group = file.parent.relative_to(folder).as_posix()
        groups.setdefault(group, []).append(file.name.removesuffix(SUFFIX))
    return groups


def _leaves(node: yaml.Node | None, above: str, loader: Any) -> Iterator[tuple[str, tuple[Any, int]]]:  # noqa: ANN401 - a loader made at run time
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if not above and key.value == DEFAULTS:
            continue
        path = f"{above}.{key.value}" if above else str(key.value)
        if isinstance(value, yaml.MappingNode) and value.value:
            yield from _leaves(value, path, loader)
        else:
            yield path, (loader.construct_document(value), key.start_mark.line + 1)
