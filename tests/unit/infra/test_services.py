"""The services in the cluster keep what `infra_rules` says, and a service that does not is found."""

import copy
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import check_infra
import infra_rules
from infra_rules import pod_of, selects
from workspace import ROOT

Object = dict[str, Any]
Change = Callable[[list[Object]], None]
PROD = check_infra.KUBERNETES / "overlays/services-prod"
SIGNING = "key-"
JOBS = {"dev": "services-dev", "prod": "services-prod"}

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


@pytest.fixture
def objects() -> list[Object]:
    """Those of the context `prod`, to be changed."""
    return copy.deepcopy(check_infra.objects(PROD))


def named(objects: list[Object], kind: str, name: str) -> Object:
    (found,) = [one for one in objects if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def pods(objects: list[Object]) -> dict[str, Any]:
    """The pods' templates, by what makes them."""
    return {one["metadata"]["name"]: pod for one in objects if (pod := pod_of(one)) is not None}


def test_all_overlays_keep_the_rules() -> None:
    assert {folder.name for folder in check_infra.services()} == set(JOBS.values())
    assert check_infra.check_services() == []


def removed(kind: str, name: str) -> Change:
    def change(objects: list[Object]) -> None:
        objects.remove(named(objects, kind, name))

    return change


def without(path: str, kind: str, name: str) -> Change:
    """An object without what lies at that path in it."""

    def change(objects: list[Object]) -> None:
        here: Any = named(objects, kind, name)
        *way, last = [int(word) if word.isdigit() else word for word in path.split(".")]
        for word in way:
            here = here[word]
        del here[last]

    return change


def opened(objects: list[Object]) -> None:
    named(objects, "NetworkPolicy", "to-store")["spec"]["egress"][0]["ports"][0]["port"] = 25


CONTAINER = "spec.template.spec.containers.0"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (without(f"{CONTAINER}.livenessProbe", "Deployment", "fleet"), "Deployment fleet: fleet has no livenessProbe."),
        (without(f"{CONTAINER}.startupProbe", "StatefulSet", "airflow-scheduler"), "scheduler has no startupProbe."),
        (without(f"{CONTAINER}.readinessProbe", "Deployment", "mlflow"), "mlflow has no readinessProbe."),
        (without(f"{CONTAINER}.resources.limits.memory", "Deployment", "fleet"), "fleet has no limits of memory."),
        (without("spec.jobTemplate.spec.activeDeadlineSeconds", "CronJob", "channel-keepalive"), "may hang for ever."),
        (without("spec.concurrencyPolicy", "CronJob", "channel-keepalive"), "a second one may begin"),
        (removed("NetworkPolicy", "deny-all"), "No policy denies what is not allowed."),
        (removed("NetworkPolicy", "names"), "CronJob channel-keepalive: no policy lets it look up names."),
        (removed("NetworkPolicy", "to-database"), "Deployment mlflow: no policy gives what `slipway/needs-database`"),
        (removed("NetworkPolicy", "to-kubernetes"), "StatefulSet airflow-triggerer: no policy gives"),
        (removed("NetworkPolicy", "from-ingress"), "Service fleet: no policy lets anybody reach port 8765."),
        (without("spec.egress.0.to", "NetworkPolicy", "to-mlflow"), "to-mlflow: egress is open"),
        (without("spec.ingress.0.ports", "NetworkPolicy", "mlflow"), "mlflow: ingress is open"),
        (without("spec.egress.0.to.0.ipBlock.except", "NetworkPolicy", "to-store"), "egress to everywhere on [443]."),
        (opened, "to-store: egress to everywhere on [25]."),
    ],
)
def test_what_is_missing_is_found(objects: list[Object], change: Change, told: str) -> None:
    assert infra_rules.faults(objects) == []
    change(objects)
    assert any(told in fault for fault in infra_rules.faults(objects)), infra_rules.faults(objects)


def test_an_image_by_its_tag_is_found(objects: list[Object]) -> None:
    pods(objects)["fleet"]["spec"]["containers"][0]["image"] = "registry.example.com/slipway-services:new"
    assert infra_rules.faults(objects) == ["Deployment fleet: fleet has an image without a digest."]


def given(pod: Object) -> set[str]:
    """Names of everything that its containers get from elsewhere: Secrets, ConfigMaps, and variables."""
    names: set[str] = set()
    for container in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
        for source in container.get("envFrom", ()):
            names |= {value["name"] for value in source.values()}
        names |= {one["name"] for one in container.get("env", ())}
    return names


def test_the_keepalive_needs_neither_airflow_nor_a_database(objects: list[Object]) -> None:
    pod = pods(objects)["channel-keepalive"]
    assert given(pod) == {"keepalive-store", "SLIPWAY_CONTEXT", "SLIPWAY_IDENTITY__PERSON"}
    needs = {name for name in pod["metadata"]["labels"] if name.startswith(infra_rules.NEED)}
    assert needs == {"slipway/needs-store"}


def test_only_who_needs_the_database_gets_an_address_of_it(objects: list[Object]) -> None:
    for name, pod in pods(objects).items():
        addresses = {one for one in given(pod) if "database" in one or one in {"airflow", "mlflow"}}
        assert bool(addresses) == (pod["metadata"]["labels"].get("slipway/needs-database") == "yes"), name


def test_each_key_is_given_to_those_alone_who_sign_with_it(objects: list[Object]) -> None:
    held = {
        name: [volume["secret"]["secretName"] for volume in pod["spec"]["volumes"] if "secret" in volume]
        for name, pod in pods(objects).items()
    }
    assert {name: keys for name, keys in held.items() if keys} == {
        "airflow-scheduler": ["key-flows"],
        "channel-keepalive": ["key-rollouts"],
        "fleet": ["key-rollouts"],
        "fleet-controller": ["key-rollouts"],
        "model-guard": ["key-guard"],
    }


def test_only_scheduler_and_triggerer_have_a_token_of_the_cluster(objects: list[Object]) -> None:
    with_token = {name for name, pod in pods(objects).items() if pod["spec"]["automountServiceAccountToken"]}
    assert with_token == {"airflow-scheduler", "airflow-triggerer"}
    assert all(not one["automountServiceAccountToken"] for one in objects if one["kind"] == "ServiceAccount")


@pytest.mark.parametrize(("jobs", "services"), JOBS.items())
def test_the_scheduler_may_create_jobs_in_their_namespace_and_nothing_in_its_own(jobs: str, services: str) -> None:
    here = check_infra.objects(check_infra.KUBERNETES / "overlays" / services)
    there = check_infra.objects(check_infra.KUBERNETES / "overlays" / jobs)
    namespace = next(one for one in here if one["kind"] == "Namespace")["metadata"]["name"]
    wanted = {"kind": "ServiceAccount", "name": "slipway-flows", "namespace": namespace}
    assert wanted in next(one for one in there if one["kind"] == "RoleBinding")["subjects"]
    assert not {one["kind"] for one in here} & {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}


def test_jobs_reach_mlflow_from_both_sides() -> None:
    here = check_infra.objects(check_infra.KUBERNETES / "overlays/services-dev")
    there = check_infra.objects(check_infra.KUBERNETES / "overlays/dev")
    (mlflow,) = [
        rule["to"][0] for rule in named(there, "NetworkPolicy", "jobs-store")["spec"]["egress"]
        if rule["ports"][0]["port"] == 5000
    ]  # fmt: skip
    assert mlflow["namespaceSelector"]["matchLabels"] == {
        "kubernetes.io/metadata.name": named(here, "Deployment", "mlflow")["metadata"]["namespace"]
    }
    labels = pods(here)["mlflow"]["metadata"]["labels"]
    assert mlflow["podSelector"]["matchLabels"].items() <= labels.items()
    (into,) = [one for one in here if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] == "mlflow"]
    assert selects(into, labels)


def test_no_secret_lies_in_the_files() -> None:
    for path in check_infra.KUBERNETES.rglob("*.yaml"):
        text = path.read_text()
        assert not re.search(r"(?m)^kind: Secret$", text), path
        assert not re.search(r"(?i)password\w*:\s*\S|://[^/\s:]+:[^/\s@]+@", text), path


def test_every_secret_that_is_named_is_explained() -> None:
    told = Path(ROOT / "docs/how-to/cluster-services.md").read_text()
    objects = check_infra.objects(PROD)
    for pod in pods(objects).values():
        spec = pod["spec"]
        sources = [one for c in (*spec.get("initContainers", ()), *spec["containers"]) for one in c.get("envFrom", ())]
        names = {one["secretRef"]["name"] for one in sources if "secretRef" in one}
        names |= {volume["secret"]["secretName"] for volume in spec["volumes"] if "secret" in volume}
        assert all(f"`{name}`" in told for name in names), names


def test_the_ports_of_probes_and_services_are_those_of_the_containers(objects: list[Object]) -> None:
    for name, pod in pods(objects).items():
        (container,) = pod["spec"]["containers"]
        ports = {one["name"]: one["containerPort"] for one in container.get("ports", ())}
        probed = {
            container[probe]["httpGet"]["port"] for probe in infra_rules.PROBES if "httpGet" in container.get(probe, {})
        }
        assert probed <= ports.keys(), name
        for service in (one for one in objects if one["kind"] == "Service"):
            if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items():
                assert {one["port"] for one in service["spec"]["ports"]} <= set(ports.values())
