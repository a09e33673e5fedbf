"""Two pages: all models at a glance, and one model in full."""

from fastapi import APIRouter, Request, Response

from slipway.serving.fleet.console.answering import answer
from slipway.serving.fleet.console.rendering import page
from slipway.serving.fleet.store.reading import Wanted

router = APIRouter(include_in_schema=False)


@router.get("/")
async def overview(request: Request) -> Response:
    """Each model."""
    return await answer(
        request,
        lambda office, acting: page(
            "overview.html",
            title="Models",
            acting=acting,
            models=office.models(),
            now=office.now,
            total=office.service.store.count(Wanted()),
        ),
    )


@router.get("/models/{model}")
async def model(request: Request, model: str) -> Response:
    """One model."""
    return await answer(
        request,
        lambda office, acting: page("model.html", title=model, acting=acting, one=office.model(model), now=office.now),
    )
