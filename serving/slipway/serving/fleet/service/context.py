"""What the service is made of, as its parts find it at `request.app.state.fleet`."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from slipway.platform.settings import schema
from slipway.serving.fleet.operators.acting import Everybody, Now
from slipway.serving.fleet.operators.sessions import Sessions
from slipway.serving.fleet.service.limits import Limits
from slipway.serving.fleet.service.metrics import Metrics
from slipway.serving.fleet.store.store import FleetStore

if TYPE_CHECKING:
    from fastapi import Request

    from slipway.platform.settings import Loaded


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Service:
    """All that answers need."""

    store: FleetStore
    people: Everybody
    channel: str
    """Where devices find the channel."""
    settings: schema.Fleet = field(default_factory=schema.Fleet)
    now: Now = _now
    loaded: "Loaded | None" = None
    """All settings, for pages that show more than the fleet."""

    @property
    def url(self) -> str:
        """Where it is found."""
        return self.settings.url

    @cached_property
    def sessions(self) -> Sessions:
        """At the console."""
        return Sessions(self.store, self.people, self.now)

    @cached_property
    def limits(self) -> Limits:
        """How often somebody may ask."""
        return Limits(self.settings.requests_per_minute)

    @cached_property
    def metrics(self) -> Metrics:
        """What was done so far."""
        return Metrics()


def service_of(request: "Request") -> Service:
    """The service that a request is made to."""
    found: Service = request.app.state.fleet
    return found
