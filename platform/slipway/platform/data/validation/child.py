"""The child process that validates: one request on standard input, messages as JSON lines on standard output.

Messages: `{"stage", "done", "total"}` along the way, and at the end `{"findings"}` or `{"error"}`. What libraries print
goes to standard error. A parent that has gone ends it: the next message cannot be written.
"""

import json
import os
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, TextIO

from slipway.platform.errors import SlipwayError


def main() -> int:
    """Serve one request."""
    messages = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    request = json.loads(sys.stdin.read())
    try:
        findings = _findings(request, messages)
    except SlipwayError as error:
        told = {"kind": type(error).__name__, "message": str(error), "mend": error.mend}
        _send(messages, {"error": told})
        return 0
    _send(messages, {"findings": findings})
    return 0


def _send(messages: TextIO, message: Mapping[str, Any]) -> None:
    messages.write(json.dumps(message) + "\n")
    messages.flush()


def _findings(request: Mapping[str, Any], messages: TextIO) -> list[dict[str, Any]]:
    def progress(stage: str, done: int, total: int) -> None:
        _send(messages, {"stage": stage, "done": done, "total": total})

    progress("tables", 0, 1)
    # The tables first: what is no snapshot should be told before the large library is loaded.
    from slipway.platform.data.snapshot import Snapshot
    from slipway.platform.data.validation.suite import Suite
    from slipway.platform.data.validation.tables import Tables, refuse_gaps

    previous = Tables(Snapshot(Path(request["previous"]))) if request["previous"] else None
    tables = Tables(
        snapshot=Snapshot(Path(request["snapshot"])),
        previous=previous,
        today=date.fromisoformat(request["today"]),
        threads=int(request["threads"]),
        progress=progress,
    )
    for one in filter(None, (tables, previous)):
        refuse_gaps(one.snapshot)
    progress("libraries", 0, 1)
    from slipway.platform.data.validation.judging import judge

    docs = Path(request["docs"]) if request["docs"] else None
    suites = [Suite.model_validate(one) for one in request["suites"]]
    findings = judge(suites, tables, docs)
    if request["sheet"]:
        from slipway.platform.data.validation.sheet import draw_sheet

        draw_sheet(tables, findings, Path(request["sheet"]))
    return [one.model_dump(mode="json") for one in findings]


if __name__ == "__main__":
    sys.exit(main())
