"""Which cluster, as whom: the settings' kubeconfig and context, else the usual chain, else the pod's own account."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import WrongUse
from slipway.platform.jobs.launchers.kubernetes.client import Cluster, Patience
from slipway.platform.names import suggestion
from slipway.platform.settings.schema import Kubernetes

if TYPE_CHECKING:
    from kubernetes.client import Configuration

USUAL: Final = "~/.kube/config"


def connect(settings: Kubernetes, patience: Patience | None = None) -> Cluster:
    """The cluster of the settings; asks nobody yet."""
    from kubernetes.client import ApiClient, Configuration

    configuration = Configuration()
    file = kubeconfig(settings)
    if file is None:
        _load_own_account(configuration)
    else:
        _load_file(file, settings.context, configuration)
    configuration.retries = False  # ours are counted, and know what may be repeated
    return Cluster(ApiClient(configuration), settings.namespace, patience)


def kubeconfig(settings: Kubernetes) -> str | None:
    """The credentials file, or several as KUBECONFIG has them; None where there is none."""
    if settings.kubeconfig is not None:
        if not settings.kubeconfig.is_file():
            raise WrongUse(
                f"`kubernetes.kubeconfig` is {settings.kubeconfig}, and there is no such file.",
                mend="Correct it, or unset it for KUBECONFIG and ~/.kube/config.",
            )
        return str(settings.kubeconfig)
    named = os.environ.get("KUBECONFIG", "")
    files = [file for file in named.split(os.pathsep) if file and Path(file).expanduser().is_file()]
    if files:
        return os.pathsep.join(files)
    usual = Path(USUAL).expanduser()
    return str(usual) if usual.is_file() else None


def _load_file(file: str, context: str | None, configuration: "Configuration") -> None:
    from kubernetes import config
    from yaml import YAMLError

    try:
        if context is not None:
            known = [one["name"] for one in config.list_kube_config_contexts(file)[0]]
            if context not in known:
                raise WrongUse(
                    f"`kubernetes.context` is `{context}`, which {file} does not have.", mend=suggestion(context, known)
                )
        config.load_kube_config(file, context, configuration, persist_config=False)
    except (config.ConfigException, YAMLError, OSError) as error:
        raise WrongUse(
            f"{file} cannot be used to reach a cluster: {error}.", mend="`kubectl config view` shows what is in it."
        ) from None


def _load_own_account(configuration: "Configuration") -> None:
    from kubernetes import config

    try:
        config.load_incluster_config(configuration)
    except config.ConfigException:
        raise WrongUse(
            "No cluster is known: there is no kubeconfig, and this is no pod with an account of its own.",
            mend="Set kubernetes.kubeconfig (SLIPWAY_KUBERNETES__KUBECONFIG), or KUBECONFIG.",
        ) from None
