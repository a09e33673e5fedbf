"""Pausing and undoing: a page that says what would happen and asks for a reason, and what its form does."""

from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from slipway.serving.fleet.console import changing
from slipway.serving.fleet.console.answering import answer
from slipway.serving.fleet.console.asking import NotThere
from slipway.serving.fleet.console.office import Office
from slipway.serving.fleet.console.rendering import page
from slipway.serving.fleet.operators.acting import Acting
from slipway.serving.fleet.service.people import cached_body

router = APIRouter(include_in_schema=False)


@router.get("/models/{model}/{what}")
async def confirm(request: Request, model: str, what: str) -> Response:
    """What would happen."""

    def shown(office: Office, acting: Acting) -> Response:
        _check_known(what)
        changing.check(acting, what)
        release, told = changing.told(office.desk(), model, what)
        return page(
            "confirm.html",
            title=f"{what.capitalize()} {model}",
            acting=acting,
            model=model,
            what=what,
            release=release,
            told=told,
        )

    return await answer(request, shown)


@router.post("/models/{model}/{what}")
async def change(request: Request, model: str, what: str) -> Response:
    """Pause or undo."""
    written = dict(parse_qsl((await cached_body(request)).decode("utf-8", "replace")))

    def shown(office: Office, acting: Acting) -> Response:
        _check_known(what)
        changing.change(office.desk(), acting, model, what, written)
        return RedirectResponse(f"/models/{quote(model, safe='')}", 303)

    return await answer(request, shown)


def _check_known(what: str) -> None:
    if what not in changing.ACTIONS:
        raise NotThere(f"Nothing here does `{what[:40]}`.", mend="A model's page offers to pause and to undo.")
