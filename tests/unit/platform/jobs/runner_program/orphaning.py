"""Stands in for the runner under `as_first_process`: `python orphaning.py REPORT MODE`.

It makes an orphan, waits until that one is reaped, and ends as MODE says: `code` with 7, `killed` by SIGKILL, `term`
when it hears SIGTERM, with 75.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from slipway.platform.jobs.runner.init import as_first_process

assert os.getpid() == 1, "needs a namespace of its own"
as_first_process()
report, mode = Path(sys.argv[1]), sys.argv[2]
asked: list[int] = []
signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))

reading, writing = os.pipe()
middle = os.fork()
if middle == 0:
    orphan = os.fork()
    if orphan == 0:
        os._exit(0)
    os.write(writing, str(orphan).encode())
    os._exit(5)
_, status = os.waitpid(middle, 0)  # its own child's end is its own to hear
orphan = int(os.read(reading, 20))
deadline = time.monotonic() + 60
while Path(f"/proc/{orphan}").exists():
    assert time.monotonic() < deadline, "an orphan was not reaped"
    time.sleep(0.01)
report.write_text(json.dumps({"pid": os.getpid(), "parent": os.getppid(), "own": os.waitstatus_to_exitcode(status)}))
if mode == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
while mode == "term" and not asked:
    time.sleep(0.01)
sys.exit(75 if asked else 7)
