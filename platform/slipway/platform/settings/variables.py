"""pydantic-settings' reading of variables, over a given mapping; imported only where there are some to read."""

from collections.abc import Mapping

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from slipway.platform.settings.environment import DELIMITER, PREFIX
from slipway.platform.settings.schema import Settings


class _Variables(BaseSettings, Settings):
    """The schema as pydantic-settings sees it; only its reading of variables is used."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter=DELIMITER, extra="ignore")


class Source(EnvSettingsSource):
    """pydantic-settings' reader over a given mapping instead of the process's environment."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {name.lower(): value for name, value in environ.items()}
        super().__init__(_Variables)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._environ
