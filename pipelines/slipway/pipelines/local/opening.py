"""What is done before this project's stack starts: founding, passwords, and a look whether all of it can run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from slipway.pipelines.local import airflow, mlflow, supervising
from slipway.pipelines.local.choosing import Request, components, ports_of, remember, users_of
from slipway.pipelines.local.credentials import FILE, kept
from slipway.pipelines.local.parts import Founded, Tell
from slipway.pipelines.local.place import CONTEXT, STACKS_CONTEXT, Place
from slipway.platform.settings import load

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

ONLY_MLFLOW: Final = (mlflow.GROUP,)
"""A stack in which nobody acts."""


@dataclass(frozen=True)
class Opening:
    """Of one stack, as it was asked for."""

    place: Place
    request: Request
    by: str
    secret: Tell
    """Hears passwords, once."""

    def prepare(self, tell: Tell) -> Sequence[str]:
        """The supervisor's command, after everything that can be wrong was looked at."""
        loaded = load(self.place.root, {**self.place.outside, CONTEXT: STACKS_CONTEXT})
        founded = self._found(loaded, tell)
        remember(self.place, founded)
        if airflow.GROUP in self.request.only:
            _, new = kept(self.place, users_of(founded))
            self._tell_passwords(new)
        components(self.place, loaded, ports_of(self.place), self.request, founded)
        only = [word for group in self.request.only for word in ("--only", group)]
        place, agents = self.place, str(self.request.agents)
        return [
            place.python, "-P", str(supervising.__file__), str(place.root), "--by", self.by, "--agents", agents, *only
        ]  # fmt: skip

    def _found(self, loaded: "Loaded", tell: Tell) -> Founded:
        from slipway.pipelines.local.founding import found

        return Founded(person="") if tuple(self.request.only) == ONLY_MLFLOW else found(self.place, loaded, tell)

    def _tell_passwords(self, new: Mapping[str, str]) -> None:
        for name, password in new.items():
            self.secret(f"Airflow's password for {name}: {password}")
        if new:
            self.secret(f"It is told this once, and kept in {self.place.folder / FILE}, which only you can read.")
