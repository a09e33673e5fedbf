"""Settings from `SLIPWAY_*` variables: `SLIPWAY_STORE__URL` is `store.url`; a table may be given as JSON.

A variable that starts with the prefix and names no setting is refused: a typing slip that is silently ignored sends
work to the wrong place.
"""

from collections.abc import Iterator, Mapping
from typing import Any, get_origin

from pydantic import BaseModel
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, SettingsError

from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion
from slipway.platform.settings.explain import Origin
from slipway.platform.settings.schema import Settings
from slipway.platform.settings.toml_lines import KeyPath

PREFIX = "SLIPWAY_"
DELIMITER = "__"
CONTROLS = frozenset({"SLIPWAY_CONTEXT", "SLIPWAY_DEBUG"})
"""Variables that steer the command line itself and are no settings."""


class _Variables(BaseSettings, Settings):
    """The schema as pydantic-settings sees it; only its reading of variables is used."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter=DELIMITER, extra="ignore")


class _Source(EnvSettingsSource):
    """pydantic-settings' reader over a given mapping instead of the process's environment."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {name.lower(): value for name, value in environ.items()}
        super().__init__(_Variables)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._environ


def read_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[KeyPath, Origin]]:
    """The settings that variables set, as nested tables, and which variable set each; an empty one counts as unset."""
    given = {
        name: value for name, value in environ.items() if name.startswith(PREFIX) and name not in CONTROLS and value
    }
    origins = {path_of(name): Origin("environment", name) for name in given}
    try:
        return _Source(given)(), origins
    except SettingsError as error:
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        named = next((name for name in given if not name[len(PREFIX) :].count(DELIMITER)), PREFIX + "*")
        raise WrongUse(
            f"{named} is not JSON{cause}.", mend=f"Set single values instead, such as {named}{DELIMITER}NAME=VALUE."
        ) from None


def path_of(variable: str) -> KeyPath:
    """The setting that a variable names."""
    path = tuple(variable.removeprefix(PREFIX).lower().split(DELIMITER))
    model: object = Settings
    for position, name in enumerate(path):
        if get_origin(model) is dict:
            model = model.__args__[1]  # type: ignore[attr-defined]
            continue
        fields = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
        if name not in fields:
            raise WrongUse(
                f"{variable} is set, but `{'.'.join(path[: position + 1])}` is no setting.",
                mend=suggestion(variable, {*variables(), *CONTROLS}) + " `slipway config show` lists all settings.",
            )
        model = fields[name].annotation
    return path


def variables(model: type[BaseModel] = Settings, above: str = PREFIX) -> Iterator[str]:
    """The variable of every setting."""
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from variables(annotation, f"{above}{name.upper()}{DELIMITER}")
        else:
            yield above + name.upper()
