"""A writer of the ledger is killed by SIGKILL before each of its steps, once for each step, until it gets through.

A step is a call that changes the file system, or a request to the server (before it is sent, and after its answer has
come). Every kill gets a place of its own with two entries in it. After it somebody else writes, then the killed request
is made again, twice.

Argument: JSON with `store`, `s3` (settings of the place above). Prints for each kill what was in the ledger after it,
what the two later requests were told, what a reader finds in the end, and what is wrong with it.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2] / "partners"))

from decided import comment, known
from slipway.platform.identity import People
from slipway.platform.ledger.ledger import Ledger
from slipway.platform.settings import schema
from slipway.platform.store import open_store

FILE_STEPS = ("open", "write", "fsync", "mkdir", "link", "replace", "unlink")
MOST_STEPS = 150
ADA, BEN = known("ada"), known("ben")
PEOPLE = People((ADA.person, BEN.person), "people.toml")


class Trap:
    """Counts steps and kills this process at the chosen one."""

    def __init__(self, fatal: int) -> None:
        self.fatal, self.steps = fatal, 0

    def step(self) -> None:
        if self.steps == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        self.steps += 1

    def around(self, function: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
        def trapped(*arguments: Any, **named: Any) -> Any:
            self.step()
            answer = function(*arguments, **named)
            if after:
                self.step()
            return answer

        return trapped

    def set(self, url: str) -> None:
        if url.startswith("s3://"):
            from botocore.httpsession import URLLib3Session

            URLLib3Session.send = self.around(URLLib3Session.send, after=True)  # type: ignore[method-assign]
            return
        for name in FILE_STEPS:
            setattr(os, name, self.around(getattr(os, name), after=False))


def opened(task: dict[str, Any], url: str) -> Ledger:
    return Ledger(open_store(schema.Store(url=url), schema.S3(**task["s3"])), PEOPLE)


def killed_at(ledger: Ledger, url: str, step: int) -> bool:
    """Let a child make the request; whether it was killed."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            Trap(step).set(url)
            ledger.append(comment("killed"), ADA)
            status = 0
        except Exception:
            traceback.print_exc()
            raise
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), f"the writer failed with status {status}"
    return status == signal.SIGKILL


def main() -> None:
    task = json.loads(sys.argv[1])
    done = []
    for step in count():
        url = f"{task['store']['url']}/{step:03}"
        childs, parents = opened(task, url), opened(task, url)  # a client must not be used before a fork
        for index in range(2):
            parents.append(comment(index), ADA)
        killed = killed_at(childs, url, step)
        found = [one.entry.decision.nonce for one in parents.entries()]
        parents.append(comment("in between", "ben"), BEN)
        again = [parents.append(comment("killed"), ADA).entry.number for _ in range(2)]
        finally_ = [one.entry.decision.nonce for one in parents.entries()]
        problems = [one.text for one in parents.verify().problems]
        done.append({"found": found, "again": again, "finally": finally_, "problems": problems, "killed": killed})
        if not killed:
            break
        assert step < MOST_STEPS, "the writer never gets through"
    json.dump(done, sys.stdout)


if __name__ == "__main__":
    main()
