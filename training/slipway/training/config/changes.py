"""Changing values of a config that was composed long ago: only keys that it has, without Hydra and model folders."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion
from slipway.platform.runs.comparing.differences import flat


def changed(config: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """The config with each `a.b=value` applied; a key that it lacks is refused."""
    known = flat(config)
    found = dict(config)
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise WrongUse(f"`{change}` changes nothing.", mend="Write KEY=VALUE, such as seed=1.")
        if key not in known:
            raise WrongUse(f"`{change}`: the recorded config has no key `{key}`.", mend=suggestion(key, known))
        found = _set(found, key.split("."), yaml.safe_load(text))
    return found


def _set(config: Mapping[str, Any], path: list[str], value: Any) -> dict[str, Any]:  # noqa: ANN401 - any value
    head, *rest = path
    return {**config, head: _set(config[head], rest, value) if rest else value}
