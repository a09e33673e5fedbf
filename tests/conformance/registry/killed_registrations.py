"""A process that is killed by SIGKILL before each thing it writes while it registers, until it gets through.

What it writes: MLflow's calls that change something, `put_if_absent` and `put` of the store. Argument: JSON with
`root`, `uri` (the project), `bundle` (the beginning of the names of its bundles, one for each kill), `run`. Prints each
bundle with whether it was killed, in order; the last one got through.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "partners"))

from releasing import Site
from slipway.platform.registry.versions import register

IMPORTED = (
    "mlflow.models", "mlflow.store.artifact.artifact_repository_registry",
    "mlflow.store.model_registry.sqlalchemy_store", "mlflow.store.tracking.sqlalchemy_store",
)  # fmt: skip
"""What takes seconds to import: once, before the fork."""
STEPS = ("ensure_model", "create_version", "delete_version", "set_alias", "delete_alias", "describe", "tag")
MOST = 60


class Trap:
    """Counts steps and kills this process at the chosen one."""

    def __init__(self, fatal: int) -> None:
        self.fatal, self.steps = fatal, 0

    def before(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def trapped(*arguments: Any, **named: Any) -> Any:
            if self.steps == self.fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            self.steps += 1
            return function(*arguments, **named)

        return trapped

    def set(self, thing: Any, names: tuple[str, ...]) -> None:
        for name in names:
            object.__setattr__(thing, name, self.before(getattr(thing, name)))


def act(site: Site, bundle: str, run: str, fatal: int) -> None:
    wanted = site.registration(site.bundle(bundle, run=run))
    desk = site.desk("finn")
    trap = Trap(fatal)
    trap.set(desk.registry, STEPS)
    trap.set(desk.store, ("put_if_absent", "put"))
    trap.set(desk.tracker, ("artifact",))
    register(desk, wanted)


def child(site: Site, bundle: str, run: str, fatal: int) -> None:
    status = 1
    try:
        act(site, bundle, run, fatal)
        status = 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(status)


def main() -> None:
    for module in IMPORTED:
        import_module(module)
    task = json.loads(sys.argv[1])
    found = []
    for step in count():
        assert step < MOST, "it never gets through"
        bundle = f"{task['bundle']}-{step}"
        site = Site(Path(task["root"]), task["uri"])
        site.judge(site.bundle(bundle, run=task["run"]))
        pid = os.fork()
        if pid == 0:
            child(site, bundle, task["run"], step)
        _, status = os.waitpid(pid, 0)
        killed = os.WIFSIGNALED(status)
        assert killed or status == 0, f"it failed with status {status}"
        found.append({"bundle": bundle, "killed": killed})
        if not killed:
            break
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
