"""A page as an answer: for whoever has a session; whoever has none is told how to get one."""

from collections.abc import Callable
from typing import Final

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

from slipway.platform.errors import SlipwayError
from slipway.platform.registry.desk import Refused
from slipway.serving.errors import SlipwayError as DeviceError
from slipway.serving.fleet.console.office import Office
from slipway.serving.fleet.console.rendering import page
from slipway.serving.fleet.operators.acting import Acting, RoleMissing
from slipway.serving.fleet.service.context import service_of
from slipway.serving.fleet.service.people import acting_of

UNREADABLE: Final = 422
Shown = Callable[[Office, Acting], Response]


async def answer(request: Request, shown: Shown) -> Response:
    """What is shown; what goes wrong is a page, too."""
    acting = await acting_of(request)
    if acting is None:
        return page("unknown.html", 401, title="Console", acting=None)

    def made() -> Response:
        try:
            return shown(Office(service_of(request)), acting)
        except (SlipwayError, DeviceError) as error:
            code = 403 if isinstance(error, RoleMissing) else 409 if isinstance(error, Refused) else UNREADABLE
            return page("refused.html", code, title="Not done", acting=acting, error=error)

    return await run_in_threadpool(made)
