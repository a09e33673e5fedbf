"""The fleet's page, a hundred devices at a time, and the page of one device."""

from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from slipway.serving.fleet.console import hours
from slipway.serving.fleet.console.answering import answer
from slipway.serving.fleet.console.asking import Asked, NotThere
from slipway.serving.fleet.console.office import Office
from slipway.serving.fleet.console.rendering import page
from slipway.serving.fleet.facts import DeviceFacts
from slipway.serving.fleet.operators.acting import Acting
from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.reading import State, Wanted
from slipway.serving.runtime.source import CameraState

router = APIRouter(include_in_schema=False)

DEVICES: Final = 100
"""Of one page."""
SITES: Final = 200
"""So many sites are counted on a page, the largest."""
SPANS: Final = 50
CHANGES: Final = 20
LATELY: Final = timedelta(days=7)
"""So long what is strange is shown."""
FILTERS: Final = ("search", "site", "class", "state", "model", "release", "cohort")
WORDS: Final = {
    "idle": "nothing is on its way",
    "fetch": "fetches the next release",
    "verify": "verifies the next release",
    "build": "builds the next release",
    "prove": "proves the next release",
    "shadow": "runs the next release beside this one",
    "ready": "the next release is proven and waits for its moment",
    "activate": "begins to run the next release",
    "probation": "on probation",
    "settled": "settled",
    "reverted": "went back",
}
"""Phases of an agent."""
DONE: Final = {"enrol": "enrolled", "revoke": "revoked"}
CAMERAS: Final = {
    CameraState.WELL.value: "well",
    CameraState.LOST.value: "failed",
    CameraState.FROZEN.value: "failed",
    CameraState.BLACK.value: "failed",
    CameraState.MOVED.value: "warning",
    "failed": "failed",
}
"""Which badge the state of a camera has; of a stream that waits or has ended, none."""


@router.get("/fleet")
async def fleet(request: Request) -> Response:
    """Devices, a page at a time."""

    def shown(office: Office, acting: Acting) -> Response:
        asked = Asked(request, *FILTERS, "after")
        wanted = _wanted(asked, office)
        store, written = office.service.store, asked.as_written(*FILTERS)
        crowds = store.crowds(wanted)
        found = store.wanted(wanted)
        following = found[DEVICES - 1].id if len(found) > DEVICES else None
        return page(
            "fleet.html",
            title="Fleet",
            acting=acting,
            now=office.now,
            devices=[(one, states_of(one, office)) for one in found[:DEVICES]],
            asked=written,
            after=wanted.after,
            following=_address({**written, "after": following}) if following else "",
            crowds=crowds[:SITES],
            more_sites=max(0, len(crowds) - SITES),
            total=sum(one.all for one in crowds),
            counts={state: sum(getattr(one, state) for one in crowds) for state in ("silent", "failed", "changing")},
            classes=store.classes(),
            models=sorted(office.models()),
            states=[one.value for one in State],
            address=lambda **more: _address({**written, **more}),
            filtered=any(written.values()),
        )

    return await answer(request, shown)


@router.get("/devices/{name}")
async def device(request: Request, name: str) -> Response:
    """One device, also one that was revoked."""

    def shown(office: Office, acting: Acting) -> Response:
        asked = Asked(request, "at")
        store, now = office.service.store, office.now
        at = asked.moment("at", now)
        found = store.device(name)
        if found is None:
            raise NotThere(f"There is no device `{name[:64]}`.", mend="Look for it on the page of the fleet.")
        models = sorted({*found.models, *found.running})
        worked = store.hours(name, models, since=now - hours.SHOWN, until=now)
        return page(
            "device.html",
            title=name,
            acting=acting,
            now=now,
            one=found,
            states=states_of(found, office),
            words=WORDS,
            cameras=CAMERAS,
            worked=hours.by_release(worked),
            bars=hours.bars(worked, now),
            spans=store.spans(name, limit=SPANS),
            at=at,
            day=asked.text("at"),
            then=store.spans(name, at=at) if at else [],
            done=DONE,
            changes=store.audit(name, limit=CHANGES),
            strange=[one for one in store.strange(now - LATELY) if one.device == name],
            pins=office.pins(found),
        )

    return await answer(request, shown)


def states_of(device: DeviceFacts, office: Office) -> list[str]:
    """How it is, in words that filters have."""
    if device.revoked_at is not None:
        return [State.REVOKED.value]
    found = {
        State.SILENT: office.silent(device),
        State.FAILED: any(one.bad for one in device.running.values()),
        State.CHANGING: any(one.coming for one in device.running.values()),
    }
    return [state.value for state, so in found.items() if so] or [State.WELL.value]


def _wanted(asked: Asked, office: Office) -> Wanted:
    state = asked.choice("state", [one.value for one in State])
    silent = office.now - timedelta(minutes=office.service.settings.silent_minutes)
    return Wanted(
        site=asked.name("site"),
        model=asked.name("model"),
        release=asked.number("release"),
        search=asked.text("search"),
        after=asked.name("after") or "",
        limit=DEVICES + 1,
        device_class=asked.name("class"),
        cohort=asked.name("cohort"),
        state=State(state) if state else None,
        silent_since=times.stamp(silent),
    )


def _address(written: dict[str, str]) -> str:
    told = urlencode({name: value for name, value in written.items() if value})
    return f"/fleet?{told}" if told else "/fleet"
