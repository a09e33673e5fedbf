"""What a registered version is: its bundle, and the run it came from, asked of MLflow: a server, or a database file.

Every version that slipway registers has a tag with its bundle's digest. Only that is read here; registering,
promoting and refusing are others' work.
"""

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from slipway.platform.errors import WrongUse
from slipway.platform.masking import masked
from slipway.platform.runs.errors import RunsError
from slipway.platform.runs.parts import PREFIX

if TYPE_CHECKING:
    from slipway.platform.settings import schema

BUNDLE_TAG: Final = "bundle"
"""The tag of a registered version that names its bundle."""
RUN_TAG: Final = "run_key"
"""The one that names the run that it came from."""
SQLITE: Final = "sqlite:///"
TIMEOUT_SECONDS: Final = 30.0

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_KEY: Final = re.compile(rf"{PREFIX}[0-9a-f]{{64}}")
_DENIED: Final = (401, 403)


class MlflowRegistry:
    """MLflow's registry at an address; nothing is asked before the first look."""

    def __init__(self, address: str, username: str | None = None, password: str | None = None) -> None:
        self._address = address.rstrip("/")
        self._account = (username, password or "") if username else None

    @classmethod
    def of(cls, settings: "schema.MLflow") -> Self:
        """The registry that the settings name."""
        password = settings.password.get_secret_value() if settings.password else None
        return cls(settings.tracking_uri, settings.username, password)

    def bundle_of(self, model: str, *, alias: str | None, version: str | None) -> str:
        """The digest of the bundle; `alias` or `version` is given."""
        return self._tag(model, alias, version, BUNDLE_TAG, _DIGEST)

    def run_of(self, model: str, *, alias: str | None, version: str | None) -> str:
        """The key of the run that the version came from; `alias` or `version` is given."""
        return self._tag(model, alias, version, RUN_TAG, _KEY)

    def _tag(self, model: str, alias: str | None, version: str | None, tag: str, form: re.Pattern[str]) -> str:
        told = f"models:/{model}" + (f"@{alias}" if alias else f"/{version}")
        if self._address.startswith(("http://", "https://")):
            tags = self._over_http(told, model, alias, version)
        else:
            tags = self._from_file(told, model, alias, version)
        found = tags.get(tag, "")
        if not form.fullmatch(found):
            raise RunsError(
                f"{told} should have a tag `{tag}` with a digest, found `{found}`.",
                mend="Only versions that slipway registered can be referred to.",
            )
        return found

    def _over_http(self, told: str, model: str, alias: str | None, version: str | None) -> dict[str, str]:
        import httpx

        what = "registered-models/alias" if alias else "model-versions/get"
        wanted = {"name": model, **({"alias": alias} if alias else {"version": str(version)})}
        url = f"{self._address}/api/2.0/mlflow/{what}"
        try:
            answer = httpx.get(url, params=wanted, auth=self._account, timeout=TIMEOUT_SECONDS)
            content = answer.json() if answer.content else {}
        except (httpx.HTTPError, ValueError) as error:
            raise RunsError(
                f"MLflow at {masked(self._address)} did not say what {told} is ({str(error) or type(error).__name__}).",
                mend="`slipway doctor` says what is wrong with it. Or refer to a run or to a file.",
            ) from None
        if answer.status_code in _DENIED:
            raise RunsError(
                f"MLflow at {masked(self._address)} does not let this account look at {told}.",
                mend="Set SLIPWAY_MLFLOW__USERNAME and SLIPWAY_MLFLOW__PASSWORD.",
            )
        if answer.is_error:
            raise self._unknown(told, str(content.get("message", answer.status_code)))
        return {tag["key"]: tag["value"] for tag in content["model_version"].get("tags", [])}

    def _from_file(self, told: str, model: str, alias: str | None, version: str | None) -> dict[str, str]:
        from mlflow.exceptions import MlflowException
        from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

        if not Path(self._address.removeprefix(SQLITE)).is_file():
            raise self._unknown(told, "there is no such file yet")
        opening: Any = SqlAlchemyStore
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "The ``noload`` loader strategy", DeprecationWarning)
                store = opening(self._address)
                found = (
                    store.get_model_version_by_alias(model, alias)
                    if alias
                    else store.get_model_version(model, str(version))
                )
        except MlflowException as error:
            raise self._unknown(told, str(error)) from None
        return {str(name): str(value) for name, value in found.tags.items()}

    def _unknown(self, told: str, reason: str) -> WrongUse:
        return WrongUse(
            f"MLflow at {masked(self._address)} knows no {told} ({reason.rstrip('.')}).",
            mend="Check model, alias and version on the registry's page.",
        )
