"""MLflow's model registry in a server, by its REST interface; and the webhooks by which it tells what changed there."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from slipway.platform.registry.mlflow import ModelVersion, newest_first
from slipway.platform.runs.tracking.mlflow_http import API, OverHttp, pairs, unpaired
from slipway.platform.runs.tracking.tracker import MISSING, THERE, TrackingRefused

PAGE: Final = 1000
HOOK: Final = "slipway-guard"
"""What our webhooks are called."""
EVENTS: Final = (
    {"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"},
    {"entity": "MODEL_VERSION_ALIAS", "action": "DELETED"},
)
"""What they tell of."""


class MLflowApi(OverHttp):
    """The registry of a server."""

    def ensure_model(self, model: str, *, description: str, tags: Mapping[str, str]) -> None:
        asked = {"name": model, "description": description, "tags": pairs(tags)}
        try:
            self._post("registered-models/create", asked)
        except TrackingRefused as error:
            if error.code != THERE:
                raise

    def create_version(
        self, model: str, *, source: str, run_id: str, description: str, tags: Mapping[str, str]
    ) -> ModelVersion:
        asked = {"name": model, "source": source, "description": description, "tags": pairs(tags)}
        if run_id:
            asked["run_id"] = run_id
        return version_of(self._post("model-versions/create", asked)["model_version"])

    def versions(self, model: str) -> list[ModelVersion]:
        asked = {"filter": f"name={quoted(model)}", "max_results": str(PAGE)}
        pages = self._pages("model-versions/search", asked)
        told = [one for page in pages for one in page.get("model_versions", [])]
        return newest_first([version_of(one) for one in told], self.aliases(model) if told else {})

    def version(self, model: str, number: str) -> ModelVersion | None:
        try:
            return version_of(self._get("model-versions/get", {"name": model, "version": number})["model_version"])
        except TrackingRefused as error:
            if error.code == MISSING:
                return None
            raise

    def delete_version(self, model: str, number: str) -> None:
        self._unless_missing("DELETE", "model-versions/delete", {"name": model, "version": number})

    def tag(self, model: str, number: str, tags: Mapping[str, str]) -> None:
        for key, value in tags.items():
            self._post("model-versions/set-tag", {"name": model, "version": number, "key": key, "value": value})

    def describe(self, model: str, number: str, text: str) -> None:
        self._send(
            "PATCH", f"{API}/model-versions/update", json={"name": model, "version": number, "description": text}
        )

    def models(self) -> list[str]:
        pages = self._pages("registered-models/search", {"max_results": str(PAGE)})
        return sorted(one["name"] for page in pages for one in page.get("registered_models", []))

    def aliases(self, model: str) -> dict[str, str]:
        try:
            told = self._get("registered-models/get", {"name": model})["registered_model"]
        except TrackingRefused as error:
            if error.code == MISSING:
                return {}
            raise
        return {one["alias"]: str(one["version"]) for one in told.get("aliases", [])}

    def set_alias(self, model: str, alias: str, number: str) -> None:
        self._post("registered-models/alias", {"name": model, "alias": alias, "version": number})

    def delete_alias(self, model: str, alias: str) -> None:
        self._unless_missing("DELETE", "registered-models/alias", {"name": model, "alias": alias})

    def ensure_webhook(self, url: str, secret: str) -> None:
        """See that the server tells `url` of aliases that are set or deleted, signed with the secret."""
        ours = [one for one in self._webhooks() if one.get("name") == HOOK and one.get("url") == url]
        told = {"name": HOOK, "url": url, "events": EVENTS, "secret": secret, "status": "ACTIVE"}
        if ours:
            self._send("PATCH", f"{API}/webhooks/{ours[0]['webhook_id']}", json=told)
        else:
            self._post("webhooks", told)
        for surplus in ours[1:]:  # of several that were made at once one is enough
            self._unless_missing("DELETE", f"webhooks/{surplus['webhook_id']}", {})

    def _webhooks(self) -> Iterator[Any]:
        """The oldest first, so that everybody keeps the same one."""
        told = [one for page in self._pages("webhooks", {"max_results": "100"}) for one in page.get("webhooks", [])]
        yield from sorted(told, key=lambda one: (int(one.get("creation_timestamp", 0)), one["webhook_id"]))

    def _unless_missing(self, method: str, what: str, asked: Mapping[str, str]) -> None:
        try:
            self._send(method, f"{API}/{what}", json=dict(asked))
        except TrackingRefused as error:
            if error.code != MISSING:
                raise


def version_of(told: Mapping[str, Any]) -> ModelVersion:
    """A version in the server's JSON."""
    return ModelVersion(
        model=told["name"],
        number=str(told["version"]),
        created=datetime.fromtimestamp(int(told.get("creation_timestamp", 0)) / 1000, UTC),
        source=told.get("source", ""),
        run_id=told.get("run_id", ""),
        description=told.get("description", ""),
        tags=unpaired(told, "tags"),
        aliases=tuple(sorted(told.get("aliases", []))),
    )


def quoted(name: str) -> str:
    """A name in a filter."""
    return f'"{name}"' if "'" in name else f"'{name}'"
