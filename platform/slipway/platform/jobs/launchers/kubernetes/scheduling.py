"""Why no machine takes a pod, from what the scheduler and those who start machines say.

Whether waiting helps is not said, so it is concluded: a machine that others use may become free; one that the cluster
does not have, or that is too small, will not, unless somebody starts one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from slipway.platform.jobs.launchers.kubernetes.objects import Event

NO_NODES: Final = "no nodes available to schedule pods"
NODES: Final = re.compile(r"(\d+)/(\d+) nodes are available")
REASON: Final = re.compile(r"(\d+) ((?:[^,{]|\{[^}]*\})+?)(?=, \d+ |\.?$|\. )")
NO_HELP: Final = re.compile(r"(\d+)(?: node\(s\))? Preemption is not helpful for scheduling")
STARTING: Final = frozenset({"TriggeredScaleUp", "Nominated"})
FULL: Final = re.compile(r"max (?:node group size|cluster .*limit|limit) reached")
"""What those who start machines say when they have started all that they may: others use them."""
NOT_STARTING: Final = frozenset({"NotTriggerScaleUp", "FailedScaleUp"})
WORDS: Final = (
    (re.compile(r"^Insufficient (\S+)$"), "have too little {0} free"),
    (re.compile(r"^node\(s\) had untolerated taints?\s*(.*)$"), "have a taint that the target does not tolerate {0}"),
    (
        re.compile(r"didn't match Pod's node (?:affinity|selector)"),
        "do not have the labels of the target's node_selector",
    ),
    (re.compile(r"^node\(s\) were unschedulable"), "are closed for new work"),
    (re.compile(r"^Too many pods"), "have as many pods as they may"),
)


@dataclass(frozen=True)
class Unscheduled:
    """Why a pod waits for a machine."""

    words: str
    starting: bool = False
    """Whether somebody starts one."""
    hopeless: bool = False
    """Whether the machines that there are will never do."""


def unscheduled(message: str, events: Sequence[Event]) -> Unscheduled:
    """From the pod's condition, and what happened to it, the latest last."""
    last = next((one for one in reversed(events) if one.reason in STARTING | NOT_STARTING), None)
    why = machines(message)
    if last is not None and last.reason in STARTING:
        return Unscheduled(f"a machine is being started for it ({last.message.strip()})", starting=True)
    if last is not None:
        why = f"{why}; none is started for it ({last.message.strip()})"
    full = last is not None and FULL.search(last.message) is not None
    return Unscheduled(why, hopeless=never(message) and not full)


def machines(message: str) -> str:
    """The scheduler's message as a clause."""
    found = NODES.search(message)
    if NO_NODES in message:
        return "the cluster has no machines"
    if found is None:
        return f"no machine takes it: {message.strip()}" if message.strip() else "no machine takes it yet"
    told = [f"{count} {_words(reason)}" for count, reason in reasons(message)]
    return f"none of {found[2]} machines takes it: {', '.join(told) or message.strip()}"


def reasons(message: str) -> list[tuple[int, str]]:
    """How many machines refuse it for which reason."""
    _, _, rest = message.partition("nodes are available:")
    own, _, _ = rest.partition("preemption:")
    return [(int(count), reason.strip().rstrip(".")) for count, reason in REASON.findall(own.strip())]


def busy(message: str) -> int:
    """How many machines would take it if less were used."""
    return sum(count for count, reason in reasons(message) if reason.startswith(("Insufficient", "Too many pods")))


def never(message: str) -> bool:
    """Whether all machines refuse it for what will not pass.

    A resource that is short on a machine may become free, unless the scheduler says that ending others would not help.
    """
    found = NODES.search(message)
    if found is None:
        return NO_NODES in message
    total = int(found[2])
    unhelpful = sum(int(count) for count in NO_HELP.findall(message))
    return unhelpful >= total if "preemption:" in message else busy(message) == 0


def _words(reason: str) -> str:
    for pattern, words in WORDS:
        if found := pattern.search(reason):
            return words.format(*(part.strip() for part in found.groups() if part is not None), "").strip()
    return reason
