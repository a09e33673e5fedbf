"""What the local stack is made of: who acts in it, and its components.

MLflow, Airflow and the fleet each bring components; the fleet's and the founding of keys, people and channel are
`slipway.pipelines.local.fleet.components` and `slipway.pipelines.local.founding.found`, of the types below. Founding
comes first, every time, and changes nothing that is there already.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from slipway.pipelines.local.component import Component
from slipway.pipelines.local.place import Place
from slipway.pipelines.local.ports import Ports

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Founded:
    """Who acts in the stack."""

    person: str
    """The person at this machine: Airflow's administrator."""
    users: Sequence[str] = ()
    """Others who may answer on Airflow's pages, by their names in people.toml."""
    services: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Variables with which a service acts, by its name (`flows`, `guard` …): SLIPWAY_IDENTITY__PERSON, …__KEYS."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What commands of this project use while the stack runs: `identity.person` and its value."""


class Found(Protocol):
    """`founding.found`: keys, people, channel, fleet database. Idempotent; tells what it made, in a line each."""

    def __call__(self, place: Place, loaded: "Loaded", tell: Tell) -> Founded: ...


class Components(Protocol):
    """`fleet.components`: looks at what was founded, changes nothing. `loaded` is without the stack's own layer."""

    def __call__(self, place: Place, loaded: "Loaded", ports: Ports, *, agents: int) -> Sequence[Component]: ...
