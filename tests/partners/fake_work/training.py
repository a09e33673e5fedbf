"""Stands in for the main of a job in a code archive: steps, checkpoints, a journal, a result, and ways to go wrong.

It knows the workplace's contract by its files alone and needs no library. The weights are a function of the steps, so
that an attempt that goes on gives what an uninterrupted one does. `arguments` of the order:

    steps, every     how many steps, and between how many a checkpoint is written
    hold             stand still behind the first checkpoint in these attempts, until asked to stop
    deaf             do not hear a request to stop
    end_with         exit code in place of a result
    rank_ends        a rank that ends at once, with exit code 3
    eat              bytes of memory to fill before the first step
    show             variables whose values' digests go into the result, and whose values are printed
    talk             print a line every few milliseconds while standing still
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
LONGEST_SECONDS = 120.0
MEBIBYTE = 1024 * 1024
asked: list[bool] = []


def main(folder: Path) -> int:
    order = json.loads((folder / "order.json").read_text())
    arguments: dict[str, Any] = {"steps": 4, "every": 2, **order["arguments"]}
    handler = signal.SIG_IGN if arguments.get("deaf") else lambda *_: asked.append(True)
    signal.signal(signal.SIGTERM, handler)
    rank = int(os.environ.get("RANK", "0"))
    step = int(Path(order["resume"]).read_text()) if order["resume"] else 0
    say(f"rank {rank} of {os.environ.get('WORLD_SIZE', '1')} begins at step {step}")
    if rank == arguments.get("rank_ends"):
        return 3
    meal = bytearray(int(arguments.get("eat", 0)))
    meal[:: MEBIBYTE // 256] = b"x" * len(meal[:: MEBIBYTE // 256])
    while step < arguments["steps"]:
        if asked:
            checkpoint(folder, step, rank)
            return RESUME
        step += 1
        tell(folder, rank, "metrics", step=step, values={"train/loss": 1.0 / step})
        tell(folder, rank, "progress", step=step, steps=arguments["steps"], phase="train")
        if step % arguments["every"] == 0:
            checkpoint(folder, step, rank)
            if order["attempt"] in arguments.get("hold", ()):
                stand_still(talk=bool(arguments.get("talk")))
    if "end_with" in arguments:
        say("it goes wrong now")
        return int(arguments["end_with"])
    if rank == 0:
        finish(folder, step, arguments)
    return 0


def stand_still(*, talk: bool) -> None:
    """Until asked to stop; not for ever, should everybody be gone."""
    deadline = time.monotonic() + LONGEST_SECONDS
    line = 0
    while not asked and time.monotonic() < deadline:
        time.sleep(0.02)
        if talk:
            line += 1
            say(f"line {line}")


def checkpoint(folder: Path, step: int, rank: int) -> None:
    if rank == 0:
        write(folder / f"checkpoints/step-{step:08d}.ckpt", str(step).encode())
        tell(folder, rank, "checkpoint", step=step, file=f"step-{step:08d}.ckpt")


def finish(folder: Path, step: int, arguments: dict[str, Any]) -> None:
    weights = hashlib.sha256(str(step).encode()).hexdigest().encode()
    write(folder / "results/weights.safetensors", weights)
    shown = {name: os.environ.get(name, "") for name in arguments.get("show", ())}
    for value in shown.values():
        say(f"the value is {value}")
    digests = {name: hashlib.sha256(value.encode()).hexdigest() for name, value in shown.items()}
    seen = {"names": sorted(os.environ), "digests": digests}
    write(folder / "results/seen.json", json.dumps(seen).encode())
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
