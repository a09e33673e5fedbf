"""Two pages: all models at a glance, and one model in full."""

from fastapi import APIRouter, Request, Response

from slipway.platform.errors import WrongUse
from slipway.serving.fleet.console.answering import answer
from slipway.serving.fleet.console.asking import Asked, NotThere
from slipway.serving.fleet.console.model_page import model_page
from slipway.serving.fleet.console.office import Office
from slipway.serving.fleet.console.overview import overview
from slipway.serving.fleet.console.rendering import page
from slipway.serving.fleet.operators.acting import Acting

router = APIRouter(include_in_schema=False)


@router.get("/")
async def models(request: Request) -> Response:
    """Each model."""

    def shown(office: Office, acting: Acting) -> Response:
        Asked(request)
        return page("overview.html", title="Models", acting=acting, all=overview(office), now=office.now)

    return await answer(request, shown)


@router.get("/models/{model}")
async def model(request: Request, model: str) -> Response:
    """One model; `release` chooses whose way is drawn."""

    def shown(office: Office, acting: Acting) -> Response:
        release = Asked(request, "release").number("release")
        try:
            rollout, versions = office.model(model)
        except WrongUse as error:
            raise NotThere(str(error), mend=error.mend) from None
        one = model_page(office, acting, rollout, versions, release)
        return page("model.html", title=rollout.model, acting=acting, one=one, now=office.now)

    return await answer(request, shown)
