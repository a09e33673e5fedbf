"""A writer that is killed by SIGKILL before each of its steps, once for each step, until it gets through.

A step is a call that changes the file system, or a request to the server (before it is sent, and after its answer has
come). Every kill gets a place of its own: a directory, or a prefix of the bucket.

Argument: JSON with `store`, `s3` (settings of the place above), `key`, `operation`, `old` and `new` (files; `old` may
be null), `target` (what get_file writes, with a suffix), `part_size`. Prints a list of the kills in order, each with
its place; the last one got through.
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

from slipway.platform.settings import schema
from slipway.platform.store import Store, open_store
from slipway.platform.store.opening import split_address

FILE_STEPS = ("open", "write", "utime", "fsync", "mkdir", "link", "replace", "unlink", "ftruncate")
MOST_STEPS = 100


class Trap:
    """Counts steps and kills this process at the chosen one."""

    def __init__(self, fatal: int) -> None:
        self.fatal = fatal
        self.steps = 0

    def step(self) -> None:
        if self.steps == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        self.steps += 1

    def before(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def trapped(*arguments: Any, **named: Any) -> Any:
            self.step()
            return function(*arguments, **named)

        return trapped

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def trapped(*arguments: Any, **named: Any) -> Any:
            self.step()
            answer = function(*arguments, **named)
            self.step()
            return answer

        return trapped

    def set(self, url: str) -> None:
        if url.startswith("s3://"):
            from botocore.httpsession import URLLib3Session

            URLLib3Session.send = self.around(URLLib3Session.send)  # type: ignore[method-assign]
        for name in FILE_STEPS:
            setattr(os, name, self.before(getattr(os, name)))


class Opener:
    """Opens places of one kind; a client, which takes long to make, is made once."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.settings, self.s3 = schema.Store(**task["store"]), schema.S3(**task["s3"])
        self.part_size = task["part_size"]
        if self.settings.url.startswith("s3://"):
            from slipway.platform.store.s3_client import connect

            self.client = connect(self.s3, attempts=self.settings.attempts, timeout_seconds=30)

    def open(self, url: str) -> Store:
        if not url.startswith("s3://"):
            return open_store(self.settings.model_copy(update={"url": url}), self.s3)
        from slipway.platform.store.s3 import S3Store, Transfers

        transfers = Transfers(part_size=self.part_size, piece=self.part_size, parallel=1)
        return S3Store(self.client, *split_address(url), transfers=transfers)


def act(task: dict[str, Any], store: Store, target: Path) -> None:
    key, new = task["key"], Path(task["new"])
    if task["operation"] == "put":
        store.put(key, new.read_bytes())
    elif task["operation"] == "put_if_absent":
        store.put_if_absent(key, new.read_bytes())
    elif task["operation"] == "put_file":
        store.put_file(key, new)
    else:
        store.get_file(key, target)


def act_and_exit(task: dict[str, Any], store: Store, target: Path, fatal: int) -> None:
    status = 1
    try:
        Trap(fatal).set(store.url)
        act(task, store, target)
        status = 0
    except Exception:
        traceback.print_exc()
        raise
    finally:
        os._exit(status)


def prepare(task: dict[str, Any], store: Store, target: Path) -> None:
    if task["operation"] == "get_file":
        store.put(task["key"], Path(task["new"]).read_bytes())
        target.write_bytes(Path(task["old"]).read_bytes())
    elif task["old"] is not None:
        store.put(task["key"], Path(task["old"]).read_bytes())


def main() -> None:
    task = json.loads(sys.argv[1])
    done = []
    parents, childs = Opener(task), Opener(task)  # a client must not be used before a fork
    for step in count():
        url = f"{task['store']['url']}/{step:03}"
        target = Path(f"{task['target']}-{step:03}")
        prepare(task, parents.open(url), target)
        child = os.fork()
        if child == 0:
            act_and_exit(task, childs.open(url), target, step)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        done.append({"url": url, "target": str(target), "killed": killed})
        if not killed:
            assert status == 0, f"the writer failed with status {status}"
            break
        assert step < MOST_STEPS, "the writer never gets through"
    json.dump(done, sys.stdout)


if __name__ == "__main__":
    main()
