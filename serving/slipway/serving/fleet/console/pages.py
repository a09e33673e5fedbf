"""The console: all pages, and what they are shown with."""

from fastapi import APIRouter, FastAPI, Response

from slipway.serving.fleet.console import answering, devices, forms, ledger, lineage, models, notices
from slipway.serving.fleet.console.memory import Memory
from slipway.serving.fleet.console.rendering import static
from slipway.serving.fleet.service.refusing import Refusal

router = APIRouter(include_in_schema=False)


def console(app: FastAPI) -> None:
    """The part of the application that people look at."""
    app.state.console = Memory.of(app.state.fleet)
    answering.install(app)
    for one in (models.router, forms.router, devices.router, ledger.router, lineage.router, notices.router, router):
        app.include_router(one)


@router.get("/static/{name}")
async def file(name: str) -> Response:
    """What pages need."""
    found = static(name)
    if found is None:
        raise Refusal(404, "There is no such file.")
    return found
