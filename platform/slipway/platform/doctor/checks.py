"""The checks of a context, in the order in which people read them.

Other distributions add theirs under the entry-point group `slipway.checks`: a name, and a function that takes the
loaded settings and yields findings. It is imported while it runs, beside the others: what is installed slows nobody
down, and what is broken hides nothing else.
"""

import os
from collections.abc import Iterable, Iterator
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from slipway.platform.doctor import cluster, host, services, signing, storage
from slipway.platform.doctor.check import Check, Finding
from slipway.platform.machine import cores
from slipway.platform.settings import Loaded

GROUP: Final = "slipway.checks"


def checks_for(loaded: Loaded) -> list[Check]:
    """Everything that the context may need; a check finds out by itself whether it does."""
    settings = loaded.settings
    own = [
        Check("python", lambda: host.python(loaded.root)),
        Check("disk", lambda: host.disk(loaded.root)),
        Check("memory", host.memory),
        Check("threads", lambda: host.threads(cores(), os.environ)),
        Check("gpu", lambda: host.gpu(settings)),
        Check("identity", lambda: signing.identity(settings.identity)),
        Check("store", lambda: storage.store(settings)),
        Check("data remote", lambda: storage.data_remote(settings)),
        Check("mlflow", lambda: services.mlflow(settings.mlflow)),
        Check("airflow", lambda: services.airflow(settings.airflow)),
        Check("kubernetes", lambda: cluster.kubernetes(settings)),
    ]
    return [*own, *_installed(loaded, {check.name for check in own})]


def _installed(loaded: Loaded, taken: set[str]) -> Iterator[Check]:
    """The checks of other distributions; a name belongs to whoever comes first."""
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        if point.name not in taken:
            taken.add(point.name)
            yield Check(point.name, partial(_run, point, loaded))


def _run(point: EntryPoint, loaded: Loaded) -> Iterable[Finding]:
    findings: Iterable[Finding] = point.load()(loaded)
    return findings
