"""Running checks side by side, each with a time-out, and what they find.

A check is a function that returns findings or raises; it never decides how it is shown. One that hangs is reported
and left behind in its thread, which does not hold up the end of the process.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from slipway.platform.errors import SlipwayError
from slipway.platform.masking import masked


class Status(StrEnum):
    """How a check ended. Only `failed` means that something the context needs does not work."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    status: Status
    detail: str
    mend: str | None = None


@dataclass(frozen=True)
class Check:
    """A named check; `run` may take its time up to the time-out."""

    name: str
    run: Callable[[], Iterable[Finding]]


def ok(name: str, detail: str) -> Finding:
    """Works."""
    return Finding(name, Status.OK, detail)


def warning(name: str, detail: str, mend: str) -> Finding:
    """Works, and will cause trouble."""
    return Finding(name, Status.WARNING, detail, mend)


def failed(name: str, detail: str, mend: str) -> Finding:
    """Does not work."""
    return Finding(name, Status.FAILED, detail, mend)


def skipped(name: str, detail: str) -> Finding:
    """Not needed here."""
    return Finding(name, Status.SKIPPED, detail)


def examine(checks: Iterable[Check], timeout_seconds: float) -> Iterator[tuple[Check, list[Finding]]]:
    """Run all checks at once and yield each with its findings as it ends, or as its time runs out."""
    waiting = {check.name: check for check in checks}
    answers: queue.SimpleQueue[tuple[str, list[Finding]]] = queue.SimpleQueue()
    for check in waiting.values():
        threading.Thread(
            target=lambda check=check: answers.put((check.name, _findings(check))), name=check.name, daemon=True
        ).start()
    deadline = time.monotonic() + timeout_seconds
    while waiting:
        try:
            name, findings = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        yield waiting.pop(name), findings
    for check in waiting.values():
        yield (
            check,
            [
                failed(
                    check.name,
                    f"no answer within {timeout_seconds:g} s",
                    "Is the address right (`slipway config show`) and reachable from here? "
                    "`slipway doctor --timeout 60` waits longer.",
                )
            ],
        )


def _findings(check: Check) -> list[Finding]:
    """A check's findings; what it raises is a finding as well. No password of an address leaves this place."""
    return [
        replace(one, detail=masked(one.detail), mend=masked(one.mend) if one.mend else one.mend) for one in _raw(check)
    ]


def _raw(check: Check) -> list[Finding]:
    try:
        return list(check.run())
    except SlipwayError as error:
        return [failed(check.name, str(error), error.mend or "")]
    except Exception as error:  # noqa: BLE001 - one broken check must not hide the others
        detail = f"{type(error).__name__}: {error}"
        return [failed(check.name, detail, "The check itself failed; SLIPWAY_LOG_LEVEL=debug tells more.")]
