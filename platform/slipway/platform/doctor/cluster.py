"""Check of the cluster: can it be reached, and may we do there what the launcher does?"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.platform.doctor.check import Finding, failed, ok, skipped
from slipway.platform.settings import Settings
from slipway.platform.settings.schema import Kubernetes

REQUEST_TIMEOUT_SECONDS = 5


@dataclass(frozen=True)
class Permission:
    """One thing the launcher does in its namespace."""

    verb: str
    group: str
    resource: str

    def __str__(self) -> str:
        """As an administrator writes it."""
        return f"{self.verb} {self.resource}{'.' + self.group if self.group else ''}"


PERMISSIONS = tuple(
    Permission(verb, group, resource)
    for group, resource, verbs in (
        ("batch", "jobs", ("create", "get", "list", "watch", "patch", "delete")),
        ("", "services", ("create", "get", "delete")),
        ("", "pods", ("get", "list", "watch")),
        ("", "pods/log", ("get",)),
        ("", "events", ("list",)),
    )
    for verb in verbs
)


def kubernetes(settings: Settings) -> Iterator[Finding]:
    """Hop by hop: credentials, the API server, each permission in the namespace."""
    targets = [name for name, target in settings.targets.items() if target.launcher == "kubernetes"]
    if not targets:
        yield skipped("kubernetes", "no target of this context uses it")
        return
    try:
        client = _client(settings.kubernetes)
    except Exception as error:  # noqa: BLE001 - a file may hold anything, and log-in plug-ins raise what they like
        place = settings.kubernetes.kubeconfig or "KUBECONFIG or ~/.kube/config"
        yield failed(
            "kubernetes credentials",
            f"{place}: {str(error).partition(chr(10))[0]} (needed by target {', '.join(sorted(targets))})",
            "export KUBECONFIG=/path/to/config, or set kubernetes.kubeconfig; `kubectl config get-contexts` lists them",
        )
        return
    yield from _review(client, settings.kubernetes.namespace)


def _client(settings: Kubernetes) -> Any:  # noqa: ANN401 - the client library has no types
    from kubernetes import client, config

    configuration = client.Configuration()
    if settings.kubeconfig is None and Path(config.incluster_config.SERVICE_TOKEN_FILENAME).exists():
        config.load_incluster_config(client_configuration=configuration)
    else:
        file = None if settings.kubeconfig is None else str(settings.kubeconfig)
        config.load_kube_config(config_file=file, context=settings.context, client_configuration=configuration)
    configuration.retries = False
    return client.ApiClient(configuration)


def _review(api: Any, namespace: str) -> Iterator[Finding]:  # noqa: ANN401
    from kubernetes.client import ApiException, AuthorizationV1Api
    from urllib3.exceptions import HTTPError

    address = api.configuration.host
    reviews = AuthorizationV1Api(api)
    try:
        denied = [permission for permission in PERMISSIONS if not _allowed(reviews, permission, namespace)]
    except ApiException as error:
        yield failed(
            "kubernetes login",
            f"{address} answers {error.status} {error.reason}",
            "Log in again with your cluster's own tool; `kubectl auth whoami` must answer.",
        )
        return
    except HTTPError as error:
        yield failed(
            "kubernetes",
            f"{address} cannot be reached: {error}",
            "Is the VPN up? `kubectl cluster-info` must answer.",
        )
        return
    for permission in denied:
        yield failed(
            f"kubernetes {permission.resource}",
            f"not allowed to {permission} in namespace `{namespace}`",
            f"kubectl create role slipway-{permission.verb}-{permission.resource.replace('/', '-')} -n {namespace} "
            f"--verb={permission.verb} --resource={permission.resource}"
            f"{'.' + permission.group if permission.group else ''}   # and bind it to your account",
        )
    if not denied:
        yield ok("kubernetes", f"{address}, all {len(PERMISSIONS)} permissions in namespace `{namespace}`")


def _allowed(reviews: Any, permission: Permission, namespace: str) -> bool:  # noqa: ANN401
    resource, _, subresource = permission.resource.partition("/")
    attributes = {
        "namespace": namespace,
        "verb": permission.verb,
        "group": permission.group,
        "resource": resource,
        "subresource": subresource,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = reviews.create_self_subject_access_review(review, _request_timeout=REQUEST_TIMEOUT_SECONDS)
    return bool(answer.status.allowed)
