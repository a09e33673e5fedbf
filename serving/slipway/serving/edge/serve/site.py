"""The addresses, and what stands behind each.

POST /v1/models/<name>/infer   ask a model
GET  /v1/models                what there is: contract, release, bundle, variant; /v1/models/<name> for one
GET  /health/live              the server lives
GET  /health/ready             every model can answer, and the server does not end
GET  /metrics                  for Prometheus
"""

import difflib
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from slipway.serving.edge.serve.connection import Exchange
from slipway.serving.edge.serve.head import Head
from slipway.serving.edge.serve.inference import Inference, Means
from slipway.serving.edge.serve.metrics import Metrics
from slipway.serving.edge.serve.models import Models, Working
from slipway.serving.edge.serve.payloads import Intake
from slipway.serving.edge.serve.refusals import RETRY, Refused
from slipway.serving.edge.serve.response import TEXT, Response, refused, told
from slipway.serving.runtime.live import LoadedModel

_MODELS: Final = "/v1/models"
_MODEL: Final = f"{_MODELS}/"
_INFER: Final = "/infer"
_LOOKING: Final = ("GET", "HEAD")


class Page:
    """A request for what can be said at once."""

    most = 0

    def __init__(self, said: Callable[[], Response]) -> None:
        self._said = said

    def answer(self, body: npt.NDArray[np.uint8], done: Callable[[Response], None], *, alone: bool) -> None:
        """Say it."""
        del body, alone
        done(self._said())

    def abandon(self) -> None:
        """It was said already."""


class Site:
    """What callers meet."""

    def __init__(self, models: Models, means: Means, metrics: Metrics) -> None:
        self._models, self._means, self._metrics = models, means, metrics
        self._intakes: dict[str, Intake] = {}
        self.ending = False
        """Whether the server is about to end."""
        self._pages: dict[str, Callable[[], Response]] = {
            "/health/live": lambda: told(200, {"live": True}),
            "/health/ready": self._ready,
            "/metrics": lambda: Response(200, metrics.render(), TEXT),
            _MODELS: lambda: told(200, {"models": [self._about(name) for name in sorted(models.lives())]}),
        }

    def admit(self, head: Head) -> Exchange:
        """Begin with a request; `Refused` before any of its body is read."""
        path = head.path
        if path.startswith(_MODEL) and path.endswith(_INFER):
            return self._infer(path[len(_MODEL) : -len(_INFER)], head)
        if head.method not in _LOOKING:
            raise _not_for(head, _LOOKING)
        if path.startswith(_MODEL):
            name = path[len(_MODEL) :]
            self._live(name)
            return Page(lambda: told(200, self._about(name)))
        if path in self._pages:
            return Page(self._pages[path])
        raise Refused(404, "There is nothing at this address.", mend=f"See {', '.join(self._pages)}.")

    def _infer(self, name: str, head: Head) -> Inference:
        live = self._live(name)
        if head.method != "POST":
            raise _not_for(head, ("POST",))
        try:
            return Inference(self._means, live, self._intake(name, live), head.headers)
        except Refused as error:
            error.model = name
            raise

    def _live(self, name: str) -> Working:
        lives = self._models.lives()
        if name in lives:
            return lives[name]
        near = difflib.get_close_matches(name[:100], lives, 1, 0.0)
        mend = f"Did you mean {near[0]}? {_MODELS} lists what there is." if near else "Nothing is served yet."
        raise Refused(404, f"No model {name[:100]!r} is served here.", mend=mend)

    def _intake(self, name: str, live: Working) -> Intake:
        loaded = live.loaded
        if loaded is None:
            reason = self._models.problems().get(name)
            raise Refused(503, f"{name} cannot answer yet.", mend=reason or "Ask again later.", headers=RETRY)
        intake = self._intakes.get(name)
        if intake is None or intake.loaded is not loaded:
            intake = self._intakes[name] = Intake(loaded, name)
        return intake

    def _ready(self) -> Response:
        lives = self._models.lives()
        lacking = sorted(name for name, live in lives.items() if live.loaded is None)
        if self.ending:
            return refused(
                Refused(503, "The server is ending.", mend="Ask another, or this one when it is back.", headers=RETRY)
            )
        if lacking or not lives:
            said = f"Not there yet: {', '.join(lacking) or 'any model'}."
            return refused(Refused(503, said, mend=f"{_MODELS} tells what is wrong with each.", headers=RETRY))
        return told(200, {"ready": True})

    def _about(self, name: str) -> dict[str, Any]:
        loaded = self._models.lives()[name].loaded
        return {"name": name, "problem": self._models.problems().get(name), **(_told(loaded) if loaded else {})}


def _told(loaded: LoadedModel) -> dict[str, Any]:
    return {
        "model": loaded.model,
        "release": loaded.release,
        "bundle": loaded.bundle,
        "variant": loaded.variant,
        "contract": loaded.contract.model_dump(mode="json"),
    }


def _not_for(head: Head, methods: Sequence[str]) -> Refused:
    allowed = ", ".join(methods)
    return Refused(405, f"{head.method} is not for this address.", mend=f"Use {allowed}.", headers={"Allow": allowed})
