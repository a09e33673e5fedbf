"""Claims work, says what came of it, and then does as it is told on standard input.

Argument: JSON with `store` (a directory), `parts`, `state`, `host`. Commands: `child` starts a process that inherits
the lock and says its id; an empty line or the end of the input ends this one without a word to anybody.
"""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from slipway.platform.runs.attempts import Attempt, Claimant, claim
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.presence import boot_id
from slipway.platform.runs.records import Place
from slipway.platform.runs.standing import Here
from slipway.platform.store.directory import DirectoryStore


def say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


task = json.loads(sys.argv[1])
here = Here(task["host"], boot_id(), Path(task["state"]))
place = Place(host=here.host, boot=here.boot, pid=os.getpid(), workplace="nowhere")
claimant = Claimant(submitted_by="grace", name="x", place=place, created=datetime(2026, 11, 20, tzinfo=UTC))
found = claim(DirectoryStore(Path(task["store"])), Parts.model_validate(task["parts"]), claimant, here)
if isinstance(found, Attempt):
    found.beat(step=3, steps=9)
say(found.number if isinstance(found, Attempt) else 0)
for line in sys.stdin:
    if line.strip() != "child":
        break
    assert isinstance(found, Attempt)
    waiting = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    child = subprocess.Popen(waiting, pass_fds=(found.descriptor,))
    say(child.pid)
os._exit(1)
