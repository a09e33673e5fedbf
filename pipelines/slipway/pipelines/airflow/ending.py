"""How work that a trigger looked after has ended: done, worth another try, or for good."""

from collections.abc import Mapping
from typing import Any, Final

from airflow.sdk.exceptions import AirflowException, AirflowFailException

DONE: Final = "done"
TRIED_AGAIN: Final = frozenset({"lost", "stalled", "evicted", "unschedulable", "image missing"})
"""Causes that another try of the task may mend; others would end the same way."""


def unless_done(event: Mapping[str, Any]) -> None:
    """Fail the task, with reason and remedy, unless its work is done."""
    if event["state"] == DONE:
        return
    words = f"{event['name']} is {event['state']}: {event['reason']} {event['mend']}".rstrip()
    raise (AirflowException if event["cause"] in TRIED_AGAIN else AirflowFailException)(words)
