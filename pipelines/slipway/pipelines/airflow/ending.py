"""How a task ends: by how its work has ended, or because somebody ended the task."""

from collections.abc import Mapping
from typing import Any, Final, NoReturn

from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowTaskTerminated

from slipway.pipelines.steps.commands import CommandFailed
from slipway.platform.errors import SlipwayError

WRONG_USE: Final = 2
DONE: Final = "done"
TRIED_AGAIN: Final = frozenset({"lost", "stalled", "evicted", "unschedulable", "image missing"})
"""Causes that another try of the task may mend; others would end the same way."""


def unless_done(event: Mapping[str, Any]) -> None:
    """Fail the task, with reason and remedy, unless its work is done."""
    if event["state"] == DONE:
        return
    words = f"{event['name']} is {event['state']}: {event['reason']} {event['mend']}".rstrip()
    raise (AirflowException if event["cause"] in TRIED_AGAIN else AirflowFailException)(words)


def failure(error: SlipwayError, before: str = "") -> AirflowException:
    """What a task fails with, in the error's words: a command that failed may be tried again, wrong use may not."""
    words = f"{before}{error} {error.mend or ''}".rstrip()
    tried_again = isinstance(error, CommandFailed) and error.code != WRONG_USE
    return AirflowException(words) if tried_again else AirflowFailException(words)


def end_task() -> NoReturn:
    """Called in the signal's handler when somebody ends the task: leaves the waiting for a child, which then ends."""
    raise AirflowTaskTerminated("The task was ended.")
