"""What a container's Python does first, for images that are not well: copied to where it is found as `sitecustomize`.

`CLOCK_OFF` puts the process's wall clock off by so many seconds. `NODE_ENDS` ends that node's runner at once.
"""

import ctypes
import datetime as dt
import gc
import os
import sys
import time
from typing import Any

RUNNER = "slipway.platform.jobs.runner"


def shift(seconds: float) -> None:
    """For all that asks Python, C types included."""
    real, usual = time.time, dt.datetime.now

    def now(_: type, tz: dt.tzinfo | None = None) -> dt.datetime:
        return usual(tz) + dt.timedelta(seconds=seconds)

    time.time = lambda: real() + seconds
    own: Any = gc.get_referents(dt.datetime.__dict__)[0]
    own["now"] = classmethod(now)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(dt.datetime))


if "CLOCK_OFF" in os.environ:
    shift(float(os.environ["CLOCK_OFF"]))
if RUNNER in sys.orig_argv and sys.orig_argv[-1] == os.environ.get("NODE_ENDS"):
    os._exit(3)
