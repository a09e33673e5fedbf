"""Settings from `SLIPWAY_*` variables: `SLIPWAY_STORE__URL` is `store.url`; a table may be given as JSON.

A variable that starts with the prefix and names no setting is refused: a typing slip that is silently ignored sends
work to the wrong place. Names of targets have dashes, which no shell can export: an underscore stands for one, so
`SLIPWAY_TARGETS__GPU_L4__GPUS` is `targets.gpu-l4.gpus`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, get_origin

from pydantic import BaseModel

from slipway.platform.errors import WrongUse
from slipway.platform.names import nearest
from slipway.platform.settings.explain import Origin
from slipway.platform.settings.schema import Settings
from slipway.platform.settings.toml_lines import KeyPath, leaves

PREFIX = "SLIPWAY_"
DELIMITER = "__"
CONTROLS = frozenset(
    {"SLIPWAY_CONTEXT", "SLIPWAY_DEBUG", "SLIPWAY_HOST", "SLIPWAY_PROJECT", "SLIPWAY_RENDEZVOUS", "SLIPWAY_STACK"}
)
"""Variables that steer the command line, or tell a process where it runs and for whom, and are no settings."""


def read_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[KeyPath, Origin]]:
    """The settings that variables set, as nested tables, and which variable set each; an empty one counts as unset."""
    given = {
        name: value for name, value in environ.items() if name.startswith(PREFIX) and name not in CONTROLS and value
    }
    if not given:
        return {}, {}
    from pydantic_settings import SettingsError

    from slipway.platform.settings.variables import Source

    paths = {name: path_of(name) for name in given}
    try:
        values = Source(given)()
    except SettingsError as error:
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        named = next((name for name in given if not name[len(PREFIX) :].count(DELIMITER)), PREFIX + "*")
        raise WrongUse(
            f"{named} is not JSON{cause}.", mend=f"Set single values instead, such as {named}{DELIMITER}NAME=VALUE."
        ) from None
    if isinstance(values.get("targets"), dict):
        values["targets"] = {name.replace("_", "-"): target for name, target in values["targets"].items()}
    return values, {
        path + leaf: Origin("environment", name)
        for name, path in sorted(paths.items(), key=lambda one: len(one[1]))
        for leaf in leaves_at(values, path)
    }


def leaves_at(values: Mapping[str, Any], path: KeyPath) -> list[KeyPath]:
    """What one variable set: the value at its path, or every value of the table that it gave as JSON."""
    found: Any = values
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return list(leaves(found)) if isinstance(found, dict) else [()]


def path_of(variable: str) -> KeyPath:
    """The setting that a variable names."""
    path = tuple(variable.removeprefix(PREFIX).lower().split(DELIMITER))
    model: object = Settings
    for position, name in enumerate(path):
        if get_origin(model) is dict:
            model = model.__args__[1]  # type: ignore[attr-defined]
            path = (*path[:position], name.replace("_", "-"), *path[position + 1 :])
            continue
        fields = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
        if name not in fields:
            raise WrongUse(
                f"{variable} is set, but `{'.'.join(path[: position + 1])}` is no setting.",
                mend=_meant(variable) + " `slipway config show` lists all settings.",
            )
        model = fields[name].annotation
    return path


def variable_of(path: KeyPath) -> str:
    """The variable that sets a setting."""
    return PREFIX + DELIMITER.join(path).upper()


def _meant(variable: str) -> str:
    """The nearest variable, compared without the prefix that all have in common."""
    close = nearest(variable.removeprefix(PREFIX), {name.removeprefix(PREFIX) for name in (*variables(), *CONTROLS)})
    return f"Did you mean `{PREFIX}{close}`?" if close else ""


def variables(model: type[BaseModel] = Settings, above: str = PREFIX) -> Iterator[str]:
    """The variable of every setting."""
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from variables(annotation, f"{above}{name.upper()}{DELIMITER}")
        else:
            yield above + name.upper()
