"""The application: routes, limits and errors around a store.

`create_app(service, *parts)`: each part is called with the application, and adds pages or routes of its own.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from slipway.serving.edge.fleet import wire
from slipway.serving.fleet.service import answers, devices, operators, outcomes, refusing, sessions
from slipway.serving.fleet.service.context import Service, service_of
from slipway.serving.fleet.service.metrics import of_fleet
from slipway.serving.fleet.service.naming import Named

log = logging.getLogger(__name__)

Part = Callable[[FastAPI], None]
METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"
READ_BY_HAND: Final = (
    wire.Enrolling,
    wire.Report,
    answers.Tokens,
    answers.Withdrawing,
    answers.Revoking,
    answers.Telling,
)
"""Bodies that routes read themselves, bounded; OpenAPI shows them all the same."""


def create_app(service: Service, *parts: Part) -> FastAPI:
    """The fleet service."""
    app = FastAPI(title="Slipway fleet", version="1", docs_url=None, redoc_url=None)
    app.state.fleet = service
    app.state.keys = devices.Keys()
    refusing.install(app)
    app.add_middleware(Named, url=service.url)
    app.add_middleware(_Measured, service=service)
    for router in (devices.router, operators.router, outcomes.router, sessions.router):
        app.include_router(router, responses={"4XX": {"model": wire.Said}})
    _add_health(app)
    for part in parts:
        part(app)
    _describe(app)
    return app


class _Measured:
    """Counts each answer. Plain ASGI: it passes on what comes in pieces."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._metrics = app, service.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, code = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal code
            code = message.get("status", code)
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "")
            self._metrics.note(route, code, time.perf_counter() - begun)


def _add_health(app: FastAPI) -> None:
    @app.get("/healthz", tags=["health"])
    async def healthz() -> dict[str, str]:
        """Whether the process answers."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["health"])
    async def readyz(request: Request) -> dict[str, str]:
        """Whether the store answers, too."""
        await run_in_threadpool(service_of(request).store.check)
        return {"status": "ok"}

    @app.get("/metrics", tags=["health"], response_class=Response)
    async def metrics(request: Request) -> Response:
        """For Prometheus."""
        service = service_of(request)

        def fleet() -> list[str]:
            silent_since = service.now() - timedelta(minutes=service.settings.silent_minutes)
            return of_fleet(service.store.heard(silent_since), service.store.phases())

        told, writer = await run_in_threadpool(fleet), service.store.writer
        return Response(service.metrics.render(writer.commits, writer.waiting, told), media_type=METRICS)


def _describe(app: FastAPI) -> None:
    """OpenAPI, with the bodies that routes read themselves."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            told = get_openapi(title=app.title, version=app.version, routes=app.routes)
            schemas = told.setdefault("components", {}).setdefault("schemas", {})
            for model in READ_BY_HAND:
                found = model.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas.update(found.pop("$defs", {}))
                schemas[model.__name__] = found
            app.openapi_schema = told
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
