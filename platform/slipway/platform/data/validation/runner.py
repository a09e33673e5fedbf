"""The parent's side: start the child that validates, pass on its progress, and take its findings.

Great Expectations takes seconds to load and must not meet torch; so it lives in a process of its own. When that process
dies the parent says how and with what last words; when it says nothing for `silence` seconds it is stopped. Whatever
ends the parent's wait, Ctrl-C too, ends the child.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final

from slipway.platform.data import errors as data_errors
from slipway.platform.data.errors import DataError
from slipway.platform.data.validation.errors import BadSuite, ValidatorDied, ValidatorSilent
from slipway.platform.data.validation.suite import Suite
from slipway.platform.data.validation.verdict import Finding
from slipway.platform.errors import SlipwayError

SILENCE: Final = 600.0
LAST_WORDS: Final = 2000
COMMAND: Final = (sys.executable, "-m", "slipway.platform.data.validation.child")

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the child is asked."""

    snapshot: Path
    suites: Sequence[Suite]
    today: date
    threads: int
    previous: Path | None = None
    docs: Path | None = None
    sheet: Path | None = None

    def to_bytes(self) -> bytes:
        """As the child reads it."""
        return json.dumps(
            {
                "snapshot": str(self.snapshot.absolute()),
                "previous": str(self.previous.absolute()) if self.previous else None,
                "suites": [one.model_dump(mode="json") for one in self.suites],
                "today": self.today.isoformat(),
                "threads": self.threads,
                "docs": str(self.docs.absolute()) if self.docs else None,
                "sheet": str(self.sheet.absolute()) if self.sheet else None,
            }
        ).encode()


def run(
    request: Request, progress: Progress, *, silence: float = SILENCE, command: Sequence[str] = COMMAND
) -> tuple[Finding, ...]:
    """The findings of one request."""
    environ = {**os.environ, "GX_ANALYTICS_ENABLED": "false", "PYTHONWARNINGS": "ignore"}
    with TemporaryFile() as words:
        process = subprocess.Popen([*command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words, env=environ)
        try:
            return _listen(process, request, progress, silence, words)
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


def _listen(
    process: "subprocess.Popen[bytes]", request: Request, progress: Progress, silence: float, words: IO[bytes]
) -> tuple[Finding, ...]:
    lines: queue.Queue[bytes | None] = queue.Queue()
    threading.Thread(target=_read, args=(process, lines), daemon=True).start()
    _ask(process, request)
    while True:
        try:
            line = lines.get(timeout=silence)
        except queue.Empty:
            raise ValidatorSilent(
                f"The validator (process {process.pid}) said nothing for {silence:.0f} s and was stopped.",
                mend="Try again with fewer --suite files; a snapshot on a slow disk may need to be copied first.",
            ) from None
        if line is None:
            raise _death(process, words)
        message = _parse(line)
        if "stage" in message:
            progress(str(message["stage"]), int(message["done"]), int(message["total"]))
        elif "error" in message:
            raise _told(message["error"])
        elif "findings" in message:
            return tuple(Finding.model_validate(one) for one in message["findings"])


def _ask(process: "subprocess.Popen[bytes]", request: Request) -> None:
    if process.stdin is None:
        raise AssertionError("the child has a standard input")
    try:
        process.stdin.write(request.to_bytes())
        process.stdin.close()
    except BrokenPipeError:
        pass  # it died at once; listening tells how


def _read(process: "subprocess.Popen[bytes]", lines: "queue.Queue[bytes | None]") -> None:
    if process.stdout is not None:
        for line in process.stdout:
            lines.put(line)
    lines.put(None)


def _parse(line: bytes) -> Mapping[str, Any]:
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def _death(process: "subprocess.Popen[bytes]", words: IO[bytes]) -> ValidatorDied:
    code = process.wait()
    words.seek(0)
    said = words.read().decode(errors="replace")[-LAST_WORDS:].strip().splitlines()
    last = f" Its last words: {said[-1].strip()}" if said else ""
    if code < 0:
        name = signal.Signals(-code).name
        why = "; that is mostly the kernel, out of memory" if name == "SIGKILL" else ""
        return ValidatorDied(
            f"The validator was ended by {name}{why}.{last}", mend="Nothing was stored. Run it again with more memory."
        )
    return ValidatorDied(
        f"The validator ended with code {code} and no result.{last}",
        mend="This is a bug in slipway. Nothing was stored.",
    )


def _told(error: Mapping[str, Any]) -> SlipwayError:
    """The child's error, as its own kind where that is one of ours."""
    kind = getattr(data_errors, str(error["kind"]), DataError)
    if error["kind"] == BadSuite.__name__:
        kind = BadSuite
    told: SlipwayError = kind(str(error["message"]), mend=error["mend"])
    return told
