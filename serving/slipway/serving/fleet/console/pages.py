"""The console's pages, and what a form on them changes."""

from typing import Annotated, Literal
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.responses import RedirectResponse

from slipway.platform.errors import SlipwayError
from slipway.serving.channel.limits import MOST
from slipway.serving.fleet.console import changing, models
from slipway.serving.fleet.console.answering import answer
from slipway.serving.fleet.console.office import Office
from slipway.serving.fleet.console.rendering import page, static
from slipway.serving.fleet.operators.acting import Acting
from slipway.serving.fleet.service.people import cached_body
from slipway.serving.fleet.service.refusing import Refusal
from slipway.serving.fleet.store.reading import Wanted

router = APIRouter(include_in_schema=False)
What = Literal["pause", "undo"]
Plain = Query(max_length=64, pattern=r"^[^\x00-\x1f]*$")


def console(app: FastAPI) -> None:
    """The part of the application that people look at."""
    app.include_router(models.router)
    app.include_router(router)


@router.get("/models/{model}/{what}")
async def confirm(request: Request, model: str, what: What) -> Response:
    """What would happen."""

    def shown(office: Office, acting: Acting) -> Response:
        changing.check(acting, what)
        release, told = changing.told(office.desk(), model, what)
        return page(
            "confirm.html", title=f"{what} {model}", acting=acting, model=model, what=what, release=release, told=told
        )

    return await answer(request, shown)


@router.post("/models/{model}/{what}")
async def change(request: Request, model: str, what: What) -> Response:
    """Pause or undo."""
    form = dict(parse_qsl((await cached_body(request)).decode("utf-8", "replace")))

    def shown(office: Office, acting: Acting) -> Response:
        changing.change(office.desk(), acting, model, what, form)
        return RedirectResponse(f"/models/{quote(model, safe='')}", 303)

    return await answer(request, shown)


@router.get("/fleet")
async def fleet(
    request: Request,
    site: Annotated[str, Plain] = "",
    model: Annotated[str, Plain] = "",
    release: Annotated[str, Query(pattern=r"^[0-9]{0,9}$")] = "",
    search: Annotated[str, Plain] = "",
    after: Annotated[str, Plain] = "",
) -> Response:
    """Devices, a page at a time."""
    number = min(int(release), MOST) if release else None
    wanted = Wanted(site or None, model or None, number, search, after)

    def shown(office: Office, acting: Acting) -> Response:
        found = office.devices(wanted)
        asked = {"site": site, "model": model, "release": release, "search": search}
        following = f"?{urlencode({**asked, 'after': found.after})}" if found.after else ""
        return page(
            "fleet.html",
            title="Fleet",
            acting=acting,
            found=found,
            asked=asked,
            following=following,
            office=office,
            now=office.now,
        )

    return await answer(request, shown)


@router.get("/devices/{name}")
async def device(request: Request, name: str) -> Response:
    """One device."""

    def shown(office: Office, acting: Acting) -> Response:
        found = office.service.store.device(name)
        if found is None:
            error = SlipwayError("There is no such device.", mend="Look for it on the page of the fleet.")
            return page("refused.html", 404, title="Not found", acting=acting, error=error)
        spans = office.service.store.spans(name, limit=50)
        return page("device.html", title=name, acting=acting, one=found, spans=spans, office=office, now=office.now)

    return await answer(request, shown)


@router.get("/ledger")
async def ledger(request: Request, before: Annotated[int | None, Query(ge=1, le=MOST)] = None) -> Response:
    """Decisions, the newest first."""

    def shown(office: Office, acting: Acting) -> Response:
        entries, following = office.entries(before)
        return page("ledger.html", title="Ledger", acting=acting, entries=entries, following=following)

    return await answer(request, shown)


@router.get("/static/{name}")
async def file(name: str) -> Response:
    """What pages need."""
    found = static(name)
    if found is None:
        raise Refusal(404, "There is no such file.")
    return found
