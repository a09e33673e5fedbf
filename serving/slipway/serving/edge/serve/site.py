"""The addresses, and what stands behind each.

POST /v1/models/<name>/infer   ask a model
GET  /v1/models                what there is: contract, release, bundle, variant; /v1/models/<name> for one
GET  /health/live              the server lives
GET  /health/ready             every model can answer, and the server does not end
GET  /metrics                  for Prometheus
"""

import difflib
import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from slipway.serving.edge.serve.head import Head
from slipway.serving.edge.serve.inference import Inference, Means
from slipway.serving.edge.serve.metrics import Metrics
from slipway.serving.edge.serve.models import Models, Working
from slipway.serving.edge.serve.payloads import Intake
from slipway.serving.edge.serve.refusals import RETRY, Refused, explained
from slipway.serving.edge.serve.response import TEXT, Response, refused, told
from slipway.serving.runtime.live import LoadedModel

_MODELS: Final = "/v1/models"
_MODEL: Final = re.compile(rf"{_MODELS}/([^/]{{1,100}})(/infer)?")
_LOOKING: Final = ("GET", "HEAD")

Done = Callable[[Response], None]


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

    def admit(self, head: Head) -> int:
        """How many bytes of body a request may have; `Refused` before any of them is read."""
        match = _MODEL.fullmatch(head.path)
        if match is None or not match[2]:
            _allow(head, _LOOKING)
            return 0
        name = match[1]
        live = self._live(name)
        _allow(head, ("POST",))
        try:
            intake = self._intake(name, live)
            return intake.most(intake.kind(head.headers))
        except Refused as error:
            error.model = name
            raise

    def answer(self, head: Head, body: npt.NDArray[np.uint8], done: Done) -> Callable[[], None] | None:
        """Work on the answer; what comes back ends that."""
        match = _MODEL.fullmatch(head.path)
        if match is not None and match[2]:
            return self._infer(match[1], head, body, done)
        if match is not None:
            self._live(match[1])
            done(told(200, self._about(match[1])))
        elif page := self._pages.get(head.path):
            done(page())
        else:
            raise Refused(404, "There is nothing at this address.", mend=f"See {', '.join(self._pages)}.")
        return None

    def _infer(self, name: str, head: Head, body: npt.NDArray[np.uint8], done: Done) -> Callable[[], None] | None:
        try:
            live = self._live(name)
            inference = Inference(self._means, live, self._intake(name, live), head.headers, done)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller is told
            found = explained(error)
            found.model = name
            done(refused(found))
            return None
        inference.begin(body)
        return inference.abandon

    def _live(self, name: str) -> Working:
        lives = self._models.lives()
        if name in lives:
            return lives[name]
        near = difflib.get_close_matches(name, lives, 1, 0.0)
        mend = f"Did you mean {near[0]}? {_MODELS} lists what there is." if near else "Nothing is served yet."
        raise Refused(404, f"No model {name!r} is served here.", mend=mend)

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
            return refused(Refused(503, "The server is ending.", headers=RETRY))
        if lacking or not lives:
            return refused(Refused(503, f"Not there yet: {', '.join(lacking) or 'any model'}.", headers=RETRY))
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


def _allow(head: Head, methods: tuple[str, ...]) -> None:
    if head.method not in methods:
        raise Refused(405, f"{head.method} is not for this address.", headers={"Allow": ", ".join(methods)})
