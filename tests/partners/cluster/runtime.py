"""One container as a real local process, behind a shim that leaves nothing of it behind."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SHIM: Final = Path(__file__).with_name("container_shim.py")


@dataclass(frozen=True)
class Ended:
    """How it ended, as a container runtime says it."""

    exit_code: int
    reason: str
    message: str = ""


class Process:
    """A container's first process and all that it starts."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log: Path,
        memory: int | None,
        changed: Callable[[], object],
    ) -> None:
        self.pid: int | None = None
        self.ended: Ended | None = None
        self._changed = changed
        self._reason_to_be: str | None = None
        self._shim = subprocess.Popen(
            [sys.executable, "-I", "-S", str(SHIM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        what = {"command": list(command), "environment": dict(environment)}
        spec = {**what, "folder": str(folder), "log": str(log), "memory": memory}
        self._order(json.dumps(spec).encode() + b"\n")
        self._reader = threading.Thread(target=self._listen, name=f"container-{self._shim.pid}", daemon=True)
        self._reader.start()

    def ask_to_stop(self) -> None:
        """SIGTERM to the first process, which the kernel drops where that one has no handler."""
        self._order(b"T")

    def kill(self, reason: str | None = None) -> None:
        """SIGKILL to all of it."""
        self._reason_to_be = reason
        self._order(b"K")

    def close(self) -> None:
        """Let nothing of it live on."""
        if self._shim.stdin is not None:
            self._shim.stdin.close()
        self._reader.join()

    def _order(self, data: bytes) -> None:
        stdin = self._shim.stdin
        if stdin is None or stdin.closed:
            return
        with contextlib.suppress(BrokenPipeError):
            os.write(stdin.fileno(), data)

    def _listen(self) -> None:
        with self._shim:
            stdout = self._shim.stdout
            for line in stdout or ():
                self._hear(json.loads(line))
            if self.ended is None:
                self.ended = Ended(255, "Error", "the container's runtime was killed")
                self._changed()

    def _hear(self, report: dict[str, object]) -> None:
        if "pid" in report:
            self.pid = int(str(report["pid"]))
            self._changed()
            return
        if "failed" in report:
            words = f"failed to create containerd task: failed to create shim task: {report['failed']}: unknown"
            self.ended = Ended(128, "StartError", words)
        else:
            code = int(str(report["code"]))
            code = 128 - code if code < 0 else code
            killed = "OOMKilled" if report["out_of_memory"] else self._reason_to_be
            self.ended = Ended(code, killed or ("Completed" if code == 0 else "Error"))
        self._changed()
