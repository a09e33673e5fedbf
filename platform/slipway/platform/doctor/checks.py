"""The checks of a context, in the order in which people read them."""

import os

from slipway.platform.doctor import cluster, host, services, signing, storage
from slipway.platform.doctor.check import Check
from slipway.platform.machine import cores
from slipway.platform.settings import Loaded


def checks_for(loaded: Loaded) -> list[Check]:
    """Everything that the context may need; a check finds out by itself whether it does."""
    settings = loaded.settings
    return [
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
