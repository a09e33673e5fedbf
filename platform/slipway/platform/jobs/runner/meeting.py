"""How the nodes of a job come together: the first one says where and from which checkpoint, the others wait for that.

On one machine they meet at a free port of the loopback; where a launcher knows better, it says so in
`SLIPWAY_RENDEZVOUS`. The first node chooses the checkpoint, and every other brings exactly that one.
"""

import hashlib
import socket
import time
from collections.abc import Mapping
from typing import Final

from slipway.platform.jobs.runner import checkpoints
from slipway.platform.jobs.runner.nodes import NodeLost, look
from slipway.platform.runs.attempts import Attempt
from slipway.platform.runs.errors import BegunElsewhere, RunsError
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import Meeting
from slipway.platform.runs.workplace import Workplace
from slipway.platform.store import Store, StoreUnreachable

RENDEZVOUS: Final = "SLIPWAY_RENDEZVOUS"
PORTS: Final = range(15_000, 30_000)
"""Below those that the system gives to connections."""
PAUSE: Final = 0.3


def call(attempt: Attempt, store: Store, environ: Mapping[str, str], resumed: checkpoints.Found | None) -> Meeting:
    """Say where to meet, and what to go on from; once, whatever is said later."""
    address = environ.get(RENDEZVOUS) or f"127.0.0.1:{free_port(attempt.spec.nonce)}"
    resume = (resumed.attempt, resumed.step) if resumed else None
    return Meeting(address=address, resume=resume).bind(store, attempt.of_all.meeting)


def free_port(seed: str) -> int:
    """A port that nobody listens at; another seed begins to look elsewhere."""
    begin = int(hashlib.sha256(seed.encode()).hexdigest(), 16)
    for number in range(len(PORTS)):
        port = PORTS[(begin + number) % len(PORTS)]
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as place:
            try:
                place.bind(("", port))
            except OSError:
                continue
        return port
    raise RunsError(f"All ports from {PORTS.start} to {PORTS.stop} are taken.")


def await_meeting(attempt: Attempt, store: Store, patience: float) -> Meeting:
    """What the first node says; waits as long as that one lives, or so many seconds for its beginning."""
    began = time.monotonic()
    while True:
        try:
            meeting = Meeting.load(store, attempt.of_all.meeting)
            first = look(attempt, store, 0, waited=time.monotonic() - began, patience=patience)
        except StoreUnreachable:
            meeting, first = None, None
        if first is not None and first.outcome is not None:
            raise BegunElsewhere(f"The attempt ended before this node had joined: {first.outcome.reason}")
        if first is not None and first.gone:
            raise NodeLost(first.gone)
        if meeting is not None:
            return meeting
        attempt.check()
        time.sleep(PAUSE)


def bring_checkpoint(
    meeting: Meeting, attempt: Attempt, store: Store, workplace: Workplace
) -> checkpoints.Found | None:
    """Exactly the checkpoint that the first node goes on from."""
    if meeting.resume is None:
        return None
    number, step = meeting.resume
    found = checkpoints.Found(number, step, WorkKeys(attempt.key).attempt(number))
    if checkpoints.bring(store, found, workplace.checkpoints) is None:
        raise RunsError(
            f"The first node goes on from the checkpoint of attempt {number} at step {step}; what {store.url} gives "
            f"node {attempt.node} is not that.",
            mend="Start the same work again; a damaged checkpoint is passed over for the one before.",
        )
    return found
