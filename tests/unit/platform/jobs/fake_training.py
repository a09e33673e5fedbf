"""Stands in for a training in a code archive: steps, checkpoints, a journal, a result, and every way to go wrong.

It is copied into archives and knows the workplace's contract by its files alone. The weights are a function of the
steps, so that an attempt that goes on gives what an uninterrupted one does. `arguments` of the order:

    steps, every      how many steps, and between how many a checkpoint is written
    wait_at, release  stand still at a step until a file appears; a request to stop is heard meanwhile
    fail_at           write a failure at a step and end
    end_with          exit code in place of a result
    load              run this line first
    salt              makes the weights others
    stubborn          do not hear a request to stop
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

RESUME = 75
asked: list[bool] = []


def main(folder: Path) -> int:
    order = json.loads((folder / "order.json").read_text())
    arguments = order["arguments"]
    if not arguments.get("stubborn"):
        signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
    else:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    exec(arguments.get("load", ""), {"folder": folder})  # noqa: S102 - a test's own line
    rank = int(os.environ.get("RANK", "0"))
    step = begin(order, rank)
    while step < arguments["steps"]:
        wait(arguments, step, rank)
        if asked:
            checkpoint(folder, step, rank)
            return RESUME
        if arguments.get("fail_at") == step:
            return fail(folder, step)
        step += 1
        tell(folder, rank, "metrics", step=step, values={"train/loss": 1.0 / step})
        tell(folder, rank, "progress", step=step, steps=arguments["steps"], phase="train")
        if step % arguments["every"] == 0:
            checkpoint(folder, step, rank)
    if "end_with" in arguments:
        return int(arguments["end_with"])
    finish(folder, step, arguments, rank)
    return 0


def begin(order: dict[str, Any], rank: int) -> int:
    say(f"rank {rank} resumes from {order['resume']}")
    if order["resume"] is None:
        return 0
    return int(Path(order["resume"]).read_text())


def wait(arguments: dict[str, Any], step: int, rank: int) -> None:
    """Stand still, if it was asked for; time does not matter, only the file and the request."""
    if arguments.get("wait_at") != step:
        return
    Path(arguments["release"] + ".waiting" + (f"-{rank}" if rank else "")).touch()
    while not Path(arguments["release"]).exists() and not asked:
        time.sleep(0.02)


def checkpoint(folder: Path, step: int, rank: int) -> None:
    if rank == 0:
        write(folder / f"checkpoints/step-{step:08d}.ckpt", str(step).encode())
        tell(folder, rank, "checkpoint", step=step, file=f"step-{step:08d}.ckpt")


def fail(folder: Path, step: int) -> int:
    error = "ZeroDivisionError: the loss was divided by nothing"
    failure = {"error": error, "traceback": "in line 7", "step": step, "samples": ["s1", "s2"]}
    write(folder / "failure.json", json.dumps(failure).encode())
    say("it went wrong")
    return 1


def finish(folder: Path, step: int, arguments: dict[str, Any], rank: int) -> None:
    if rank:
        return
    weights = hashlib.sha256(f"{step}{arguments.get('salt', '')}".encode()).hexdigest().encode()
    write(folder / "results/weights.safetensors", weights)
    write(folder / "results/pictures/curve.png", b"a picture")
    summary = {"steps": step, "metrics": {"test/accuracy": 0.5}, "seconds": 1.0}
    write(folder / "results/summary.json", json.dumps(summary).encode())


def tell(folder: Path, rank: int, kind: str, **fields: object) -> None:
    if rank == 0:
        with (folder / "journal.jsonl").open("a") as journal:
            journal.write(json.dumps({"kind": kind, "time": time.time(), **fields}) + "\n")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}")
    beside.write_bytes(data)
    beside.replace(path)
