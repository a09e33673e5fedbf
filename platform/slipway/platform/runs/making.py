"""Putting the parts of a run key together.

Only what decides the weights comes in, in one form: no path of a machine, no time, no name that means something else
tomorrow. The config loses its `runtime` group and its `references`; the latter come in resolved.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from slipway.platform.data.view import View
from slipway.platform.errors import WrongUse
from slipway.platform.runs.code.closure import Code
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.references import Reference

RUNTIME: Final = "runtime"
"""The group of the config that does not change the weights."""
REFERENCES: Final = "references"


def parts_of(
    *,
    model: str,
    snapshot: str,
    view: View,
    code: Code,
    config: Mapping[str, Any],
    lock: Sequence[str],
    references: Mapping[str, Reference] | None = None,
) -> Parts:
    """What names the work. `config` is resolved and may still have the groups that are no part of the key."""
    return Parts(
        model=model,
        snapshot=snapshot,
        view=json.loads(view.key),
        code=code.files,
        config=deciding(config),
        lock=tuple(sorted(lock)),
        references={name: one.digest for name, one in sorted((references or {}).items())},
    )


def deciding(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a config decides the weights, as plain JSON."""
    return {str(key): _plain(value, str(key)) for key, value in config.items() if key not in (RUNTIME, REFERENCES)}


def _plain(value: object, key: str) -> Any:  # noqa: ANN401 - whatever JSON can say
    if isinstance(value, Mapping):
        return {str(name): _plain(inner, f"{key}.{name}") for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, f"{key}[{index}]") for index, inner in enumerate(value)]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise WrongUse(
        f"`{key}` is {value!r}, which the record of a run cannot say.",
        mend="Use a finite number, a text, true or false, or lists and tables of these; paths belong under `runtime`.",
    )
