"""The worker's process, as its owner has it: lines of JSON there and back, each with a deadline."""

import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.tensorrt.asking import command, environment

ENDING: Final = 5.0
LONGEST_LINE: Final = 1 << 16
LAST_WORDS: Final = 300
_PIECE: Final = 1 << 16


class Worker:
    """A process that answers lines with lines; `life` is the end of a pipe by which it sees its owner's end."""

    def __init__(self, python: Path | None, shared: int) -> None:
        self.life, self._held = os.pipe()
        try:
            self._process = subprocess.Popen(
                command(python),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment(),
                pass_fds=(shared, self.life),
                bufsize=0,
            )
        except OSError as error:
            os.close(self._held)
            raise ModelUnfit(f"{python} cannot be started ({error.strerror}).") from None
        finally:
            os.close(self.life)
        self._selector = selectors.DefaultSelector()
        for stream, hear in ((self._process.stdout, self._hear_answer), (self._process.stderr, self._hear_remark)):
            self._selector.register(stream, selectors.EVENT_READ, hear)  # type: ignore[arg-type] # both are pipes
        self._told, self._remarks = b"", b""

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def ask(self, asked: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Its answer; ModelUnfit where it has none in time."""
        end = time.monotonic() + seconds
        with suppress(BrokenPipeError):  # what it said of its end is still to be read
            self._process.stdin.write(json.dumps(asked).encode() + b"\n")  # type: ignore[union-attr]
        while b"\n" not in self._told:
            left = end - time.monotonic()
            if left <= 0:
                raise ModelUnfit(f"The TensorRT worker did not answer within {seconds:g} s.")
            for key, _ in self._selector.select(left):
                key.data(os.read(key.fd, _PIECE))
        line, _, self._told = self._told.partition(b"\n")
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ModelUnfit(f"The TensorRT worker said {line[:80]!r}.")
        if "problem" in found:
            raise ModelUnfit(str(found["problem"]), mend=found.get("mend"))
        return found

    def close(self) -> None:
        """Let it end by itself, then end it."""
        self._process.stdin.close()  # type: ignore[union-attr]
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDING)
        self.kill()

    def kill(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._selector.close()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        os.close(self._held)

    def _hear_answer(self, piece: bytes) -> None:
        if not piece:
            raise ModelUnfit(f"The TensorRT worker ended {self._how()}.")
        self._told += piece
        if len(self._told) > LONGEST_LINE:
            raise ModelUnfit("The TensorRT worker said something endless.")

    def _hear_remark(self, piece: bytes) -> None:
        if not piece:
            self._selector.unregister(self._process.stderr)  # type: ignore[arg-type]
        self._remarks = (self._remarks + piece)[-LAST_WORDS:]

    def _how(self) -> str:
        try:
            code = self._process.wait(ENDING)
        except subprocess.TimeoutExpired:
            return "and does not go"
        if code < 0:
            return f"by {signal.Signals(-code).name}"
        words = self._remarks.decode(errors="replace").strip().splitlines()
        return f"with {code}: {words[-1] if words else 'it said nothing'}"
