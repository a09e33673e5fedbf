"""Asking the fleet service over HTTP, each request signed by whoever acts here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from slipway.platform.errors import SlipwayError, WrongUse

if TYPE_CHECKING:
    from slipway.platform.identity import PersonSigner
    from slipway.platform.settings import Loaded

PATIENCE_S: Final = 60.0
WRONG: Final = frozenset({404, 422})


class Refused(SlipwayError):
    """The service said no."""


class NotReached(SlipwayError):
    """The service does not answer."""


@dataclass(frozen=True)
class FleetClient:
    """The service, as one person asks it."""

    url: str
    signer: "PersonSigner"

    @classmethod
    def of(cls, loaded: "Loaded") -> "FleetClient":
        """The service of the settings, asked by who acts by them."""
        from slipway.platform.identity import load_people, signer_for

        identity = loaded.settings.identity
        return cls(loaded.settings.fleet.url, signer_for(identity, load_people(identity.people)))

    def get(self, path: str, **question: object) -> Any:  # noqa: ANN401 - JSON
        """What it says."""
        asked = urlencode({name: value for name, value in question.items() if value not in (None, "")})
        return self._ask("GET", f"{path}?{asked}" if asked else path)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
        """What it says to that."""
        return self._ask("POST", path, b"" if body is None else json.dumps(body).encode())

    def _ask(self, method: str, path: str, body: bytes = b"") -> Any:  # noqa: ANN401 - JSON
        import urllib3

        from slipway.serving.fleet.operators import signing

        request = signing.Request(self.url, method, path, body)
        headers = {"Authorization": signing.header(request, self.signer), "Accept": "application/json"}
        try:
            with urllib3.PoolManager(timeout=PATIENCE_S, retries=False) as pool:
                answer = pool.request(
                    method, self.url.rstrip("/") + path, body=body or None, headers=headers, redirect=False
                )
        except urllib3.exceptions.HTTPError as error:
            raise NotReached(
                f"The fleet service at {self.url} does not answer: {_why(error)}.",
                mend="`slipway fleet serve` runs it; fleet.url says where it is.",
            ) from None
        return self._content(answer.status, answer.data)

    def _content(self, code: int, data: bytes) -> Any:  # noqa: ANN401 - JSON
        try:
            told = json.loads(data)
        except ValueError:
            told = None
        if code < 300 and told is not None:  # noqa: PLR2004 - what went well
            return told
        if not isinstance(told, dict) or "error" not in told:
            raise NotReached(
                f"{self.url} answers with {code} and is no fleet service.", mend="fleet.url says where it is."
            )
        kind = WrongUse if code in WRONG else Refused
        raise kind(str(told["error"]), mend=str(told.get("mend") or "") or None)


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    text = str(reason)
    return text.rpartition(": ")[2].rstrip(".") or type(error).__name__
