"""Delayed labels, and how often releases were right in the field."""

from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime

from slipway.platform.identity import Role
from slipway.serving.fleet.operators.acting import Acting
from slipway.serving.fleet.service import answers
from slipway.serving.fleet.service.bodies import body_for, content
from slipway.serving.fleet.service.context import service_of
from slipway.serving.fleet.service.operators import Known, ask, near
from slipway.serving.fleet.service.people import cached_body, needs
from slipway.serving.fleet.service.refusing import Refusal
from slipway.serving.fleet.store.outcomes import Told

TELLERS: Final = (Role.TRAINER, Role.APPROVER, Role.RELEASER, Role.OPERATOR, Role.ON_CALL, Role.FLEET_SERVICE)
PERIOD: Final = timedelta(days=30)

router = APIRouter(tags=["outcomes"])


@router.post("/v1/outcomes", openapi_extra=body_for("Telling"))
async def tell(request: Request, acting: Annotated[Acting, Depends(needs(*TELLERS))]) -> answers.Count:
    """Tell what decisions should have been; the same again changes nothing."""
    service = service_of(request)
    asked = content(answers.Telling, await cached_body(request))
    told = [_told(one) for one in asked.outcomes]
    return answers.Count(new=await ask(lambda: service.store.tell(told, acting.person.name)))


def _told(one: answers.OutcomeTold) -> Told:
    right = one.right if one.right is not None else (None if one.answer is None else one.answer == one.truth)
    if right is None:
        raise Refusal(422, f"{one.decision}: expected `right`, or the `answer` that was given.")
    return Told(one.decision, right, one.truth, one.source, one.model)


@router.get("/v1/precision")
async def precision(
    request: Request,
    _: Known,
    model: Annotated[str, Query(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f]+$")],
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
) -> answers.FieldPrecision:
    """How often releases were right, by site: of the last 30 days where nothing else is said."""
    service = service_of(request)
    end = near(until) or service.now()
    begin: datetime = near(since) or end - PERIOD
    found = await ask(lambda: service.store.precision(model, since=begin, until=end))
    return answers.FieldPrecision(precision=tuple(answers.Right.of(one) for one in found))
