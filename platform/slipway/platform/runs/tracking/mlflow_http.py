"""Calling MLflow's REST interface: one request, and its trouble in our words.

MLflow's own client is not used: importing it costs more than a second of every command, its retries and credentials
are set by environment variables of the whole process, and it takes ten times the processor time for a batch.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx

from slipway.platform.masking import masked
from slipway.platform.runs.tracking.tracker import SETTING, TrackingDenied, TrackingRefused, TrackingUnreachable

API: Final = "/api/2.0/mlflow"
CONNECT_SECONDS: Final = 5.0
TRY_LATER: Final = frozenset({408, 425, 429})
DENIED: Final = frozenset({401, 403})


class OverHttp:
    """A server's interface; whoever asks something of it derives from this."""

    def __init__(self, address: str, username: str | None, password: str, timeout_seconds: float) -> None:
        self.address = address.rstrip("/")
        self._username = username
        self._client = httpx.Client(
            base_url=self.address,
            auth=httpx.BasicAuth(username, password) if username else None,
            timeout=httpx.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds)),
        )

    def close(self) -> None:
        """Give connections back."""
        self._client.close()

    def _get(self, what: str, asked: Mapping[str, str]) -> Any:  # noqa: ANN401 - the server's JSON
        return self._send("GET", f"{API}/{what}", params=dict(asked))

    def _post(self, what: str, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the server's JSON
        return self._send("POST", f"{API}/{what}", json=asked)

    def _pages(self, what: str, asked: Mapping[str, str]) -> Iterator[Any]:
        """The answers to a question whose answer comes in pages."""
        told = dict(asked)
        while True:
            answer = self._get(what, told)
            yield answer
            if not (token := answer.get("next_page_token")):
                return
            told["page_token"] = token

    def _send(self, method: str, path: str, **request: Any) -> Any:  # noqa: ANN401 - what httpx takes, the server's JSON
        try:
            answer = self._client.request(method, path, **request)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise self._unreachable(str(error) or type(error).__name__) from None
        if answer.is_success:
            return self._json(answer)
        if answer.status_code in DENIED:
            raise self._unreachable(f"it answers {answer.status_code} to {path}", TrackingDenied)
        if answer.status_code in TRY_LATER or answer.is_server_error:
            raise self._unreachable(f"it answers {answer.status_code}")
        told = self._json(answer)
        code, reason = str(told.get("error_code", answer.status_code)), str(told.get("message", ""))
        raise TrackingRefused.of(code, self.address, reason.partition("\n")[0][:300])

    def _json(self, answer: httpx.Response) -> Any:  # noqa: ANN401 - the server's JSON
        """What is no JSON object comes from somebody who stands before the server."""
        try:
            told = answer.json() if answer.content else {}
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise self._unreachable(f"what answers there ({answer.status_code}) is not MLflow")
        return told

    def _unreachable(self, reason: str, kind: type[TrackingUnreachable] = TrackingUnreachable) -> TrackingUnreachable:
        user = f" as user `{self._username}`" if self._username else ""
        return kind(
            f"MLflow at {masked(self.address)} cannot be used{user}: {masked(reason)}.",
            mend=f"`slipway doctor` looks closer; the address is set by {SETTING}.",
        )


def pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Names and values as the server's JSON wants them."""
    return [{"key": key, "value": value} for key, value in values.items()]


def unpaired(told: Mapping[str, Any], name: str) -> dict[str, str]:
    """Names and values as the server's JSON has them."""
    return {one["key"]: one.get("value", "") for one in told.get(name, [])}
