"""One component of the local stack: what is run, when it counts as healthy, and what it waits for.

A component is a description. It starts nothing and asks nothing until the supervisor calls `ready`, which it does from
a thread, again and again, for as long as the component runs. Names are those that people see: `slipway local status`,
the beginning of a line in the log, `--only`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ASK_SECONDS: Final = 5.0

Check = Callable[[], str]
"""Empty when it is healthy, else what is missing, in a few words for people."""


def always_ready() -> str:
    """Of what is healthy as soon as it runs."""
    return ""


@dataclass(frozen=True, kw_only=True)
class Component:
    """What the supervisor keeps running."""

    name: str
    group: str
    """What `--only` calls it, together with others: `mlflow`, `airflow`, `fleet`."""
    command: Sequence[str]
    folder: Path
    """Where it runs."""
    environ: Mapping[str, str]
    """All of its environment; begin with `Place.environ`."""
    ready: Check = always_ready
    after: Sequence[str] = ()
    """Components that are healthy before it starts, and stop after it; those that are not chosen are not waited for."""
    once: bool = False
    """It ends by itself, with code 0, and is then done: a migration. `ready` is not asked."""
    start_seconds: float = 240.0
    """Not healthy, or as a migration not done, after so long: it is ended and tried again."""
    hung_seconds: float = 300.0
    """It was healthy and has not been for so long: the same."""
    stop_seconds: float = 15.0
    """What it has between being asked to stop and being killed."""
    address: str = ""
    """Where people find it; empty where there is nothing to see."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What commands of this project use while it is part of the stack: `mlflow.tracking_uri` and its value."""


def http(address: str, *, seconds: float = ASK_SECONDS) -> Check:
    """Healthy when a GET of the address answers with less than 400."""

    def ask() -> str:
        import httpx

        try:
            answer = httpx.get(address, timeout=seconds, trust_env=False)
        except httpx.HTTPError as error:
            return f"{address} does not answer ({type(error).__name__})"
        return "" if answer.is_success or answer.is_redirect else f"{address} answers {answer.status_code}"

    return ask
