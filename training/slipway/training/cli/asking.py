"""What `train` and `submit` share: what a person says about work, and what is told before anything happens."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.cli.output import say
from slipway.platform.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from slipway.platform.jobs.api import Desk
    from slipway.platform.jobs.submitting.placing import Placement
    from slipway.platform.jobs.submitting.planning import Planned
    from slipway.platform.jobs.submitting.starting import Request
    from slipway.platform.settings import Loaded

STARTED: Final = "start"
"""What `would` says of work that would be started."""


@dataclass(frozen=True)
class Said:
    """Nothing of this changes the work."""

    name: str | None
    note: str
    tags: "Mapping[str, str]"
    again: bool

    def request(self, loaded: "Loaded") -> "Request":
        """With who says it, and the revision that it is said at."""
        from slipway.training.submitting import request_of

        return request_of(loaded, name=self.name, note=self.note, tags=self.tags, again=self.again)


def said(*, name: str | None, note: str, tags: "Sequence[str]", again: bool) -> Said:
    """From the command line; refuses a name or a tag that is none."""
    if name is not None:
        from slipway.platform.runs.names import check_name

        check_name(name)
    return Said(name, note, dict(map(_tag, tags)), again)


def remark_departures(planned: "Planned") -> None:
    """Say where the installed packages are not those that the run is named by."""
    from slipway.platform.runs.code.lock import departures

    for line in departures(planned.parts.lock):
        say(f"not as the lock says: {line}. The run is named by the lock; `make setup` brings its versions.")


def foretold(planned: "Planned", desk: "Desk", said: Said, placement: "Placement | None" = None) -> dict[str, Any]:
    """What would happen; refuses what doing it would refuse. Without a placement it is to run here."""
    from slipway.platform.jobs.submitting.providing import told_code
    from slipway.platform.jobs.submitting.refusing import check_budget, check_code
    from slipway.platform.runs.names import check_free
    from slipway.platform.runs.standing import standing

    if said.name is not None:
        check_free(desk.store, planned.key, said.name)
    now = standing(desk.store, planned.key, desk.here)
    would = "attach" if now.under_way else "return" if now.result is not None and not said.again else STARTED
    if would == STARTED:
        check_code(planned.code, desk.store)
    if would == STARTED and placement is not None:
        settings = desk.loaded.settings
        job = placement.on(planned.job(fresh=said.again), settings, settings.targets[placement.target])
        check_budget(desk.store, job, "the same command with")
    return {
        "model": planned.model.name,
        "key": planned.key,
        "code": told_code(len(planned.code.files), planned.code_bytes),
        "snapshot": planned.parts.snapshot,
        "would": would,
        "standing": now.told(),
    }


def _tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise WrongUse(f"`{text}` is no tag.", mend="Write --tag KEY=VALUE.")
    return key, value
