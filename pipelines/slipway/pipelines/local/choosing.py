"""Which components a stack has: what was asked for with `--only`, else all."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from slipway.pipelines.local import airflow, fleet, mlflow
from slipway.pipelines.local.component import Component
from slipway.pipelines.local.credentials import kept
from slipway.pipelines.local.parts import Founded
from slipway.pipelines.local.place import Place, write_private
from slipway.pipelines.local.ports import Ports
from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

GROUPS: Final = (mlflow.GROUP, airflow.GROUP, fleet.GROUP)
FOUNDED: Final = "founded.json"
PORTS: Final = "ports.json"
AGENTS: Final = 3


@dataclass(frozen=True, kw_only=True)
class Request:
    """What somebody wants to have running."""

    only: Sequence[str] = GROUPS
    agents: int = AGENTS

    @classmethod
    def of(cls, only: Sequence[str], agents: int) -> "Request":
        """Checked: `only` names groups, separated by commas or given again; none means all."""
        names = [name.strip() for one in only for name in one.split(",") if name.strip()]
        for name in names:
            if name not in GROUPS:
                raise WrongUse(f"`{name}` is no part of the stack.", mend=suggestion(name, GROUPS))
        return cls(only=tuple(group for group in GROUPS if group in names or not names), agents=agents)

    def missing(self, only: Sequence[str]) -> list[str]:
        """What a stack of these groups does not have."""
        return [group for group in self.only if group not in only]


def ports_of(place: Place) -> Ports:
    """Of this stack."""
    return Ports(place.folder / PORTS)


def remember(place: Place, founded: Founded) -> None:
    """For the supervisor."""
    write_private(place.folder / FOUNDED, json.dumps(asdict(founded), indent=1))


def remembered(place: Place) -> Founded:
    """Who acts in this stack."""
    told: dict[str, Any] = json.loads((place.folder / FOUNDED).read_text())
    return Founded(**told)


def components(place: Place, loaded: "Loaded", ports: Ports, request: Request, founded: Founded) -> list[Component]:
    """All that were asked for."""
    chosen: list[Component] = []
    if mlflow.GROUP in request.only:
        chosen += mlflow.components(place, loaded, ports)
    if airflow.GROUP in request.only:
        credentials, _ = kept(place, users_of(founded))
        chosen += airflow.components(place, loaded, ports, founded, credentials)
    if fleet.GROUP in request.only:
        chosen += fleet.components(place, loaded, ports, agents=request.agents)
    return chosen


def users_of(founded: Founded) -> Sequence[str]:
    """Of Airflow's pages."""
    return tuple(dict.fromkeys((founded.person, *founded.users)))
