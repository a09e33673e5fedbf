"""What `train` and `submit` share: what a person says about work, and what is told before anything happens."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.cli.output import say
from slipway.platform.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from slipway.platform.jobs.api import Desk
    from slipway.platform.jobs.planning import Planned
    from slipway.platform.jobs.starting import Request
    from slipway.platform.settings import Loaded

KB: Final = 1000


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


def foretold(planned: "Planned", desk: "Desk", *, again: bool) -> dict[str, Any]:
    """What would happen."""
    from slipway.platform.runs.standing import standing

    now = standing(desk.store, planned.key, desk.here)
    would = "attach" if now.under_way else "return" if now.result is not None and not again else "start"
    return {
        "model": planned.model.name,
        "key": planned.key,
        "code": f"{len(planned.code.files)} files, {planned.code_bytes / KB:.0f} kB",
        "snapshot": planned.parts.snapshot,
        "would": would,
        "standing": now.told(),
    }


def _tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise WrongUse(f"`{text}` is no tag.", mend="Write --tag KEY=VALUE.")
    return key, value
