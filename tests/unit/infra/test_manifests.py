"""What infra/kubernetes gives a cluster: valid in all releases, exactly the launcher's rights, closed but for jobs."""

import copy
import shutil
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

import check_infra
from slipway.platform.jobs.launchers.kubernetes import names
from slipway.platform.jobs.launchers.kubernetes.rights import QUEUE_RIGHTS, RIGHTS, Right

BASE = check_infra.KUBERNETES / "base"
OVERLAYS = check_infra.kustomizations()[len(check_infra.BASES) :]
JOBS = [folder for folder in OVERLAYS if folder not in check_infra.services()]
Object = dict[str, Any]

needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


def only(objects: list[Object], kind: str, name: str | None = None) -> Object:
    """The one of that kind and name."""
    (found,) = [one for one in objects if one["kind"] == kind and name in {None, one["metadata"]["name"]}]
    return found


def granted(objects: list[Object]) -> set[tuple[str, str, str]]:
    """Group, resource and verb of all that the launcher may do."""
    rules = only(objects, "Role")["rules"]
    return {one for rule in rules for one in product(rule["apiGroups"], rule["resources"], rule["verbs"])}


def used(rights: tuple[Right, ...]) -> set[tuple[str, str, str]]:
    """The same of what it calls."""
    return {(right.resource.group, right.named, right.verb) for right in rights}


@needs_kubectl
@pytest.mark.parametrize("folder", [BASE, *JOBS], ids=lambda folder: folder.name)
def test_every_object_is_valid_in_every_release(folder: Path) -> None:
    objects = check_infra.objects(folder)
    assert objects
    assert [fault for one in objects for fault in check_infra.faults(one)] == []


def test_releases_reach_from_the_oldest_supported_to_the_newest_known() -> None:
    assert check_infra.releases()[0] == "1.29"
    assert len(check_infra.releases()) >= 9


@needs_kubectl
def test_a_misspelt_field_is_told_with_the_release() -> None:
    quota = copy.deepcopy(only(check_infra.objects(BASE), "ResourceQuota"))
    quota["spec"]["hrad"] = quota["spec"].pop("hard")
    faults = list(check_infra.faults(quota))
    assert len(faults) == len(check_infra.releases())
    assert "hrad" in faults[0]
    assert "Kubernetes 1.29" in faults[0]


def test_an_object_that_no_release_has_is_told() -> None:
    faults = list(check_infra.faults({"apiVersion": "batch/v1", "kind": "Jab", "metadata": {"name": "a"}}))
    assert faults[0] == "Jab a: Kubernetes 1.29 has no batch/v1 Jab"


@needs_kubectl
def test_the_role_has_exactly_the_verbs_that_the_launcher_uses() -> None:
    assert granted(check_infra.objects(BASE)) == used(RIGHTS)


@needs_kubectl
def test_with_a_queue_the_role_has_those_for_queues_besides() -> None:
    assert granted(check_infra.objects(check_infra.KUBERNETES / "overlays/prod")) == used((*RIGHTS, *QUEUE_RIGHTS))


@needs_kubectl
@pytest.mark.parametrize("folder", JOBS, ids=lambda folder: folder.name)
def test_the_role_is_given_to_the_launcher_of_the_same_namespace(folder: Path) -> None:
    objects = check_infra.objects(folder)
    namespace = only(objects, "Namespace")["metadata"]["name"]
    binding = only(objects, "RoleBinding")
    account = binding["subjects"][0]
    assert (account["name"], account["namespace"]) == ("slipway-launcher", namespace)
    assert {one["kind"] for one in objects if one["metadata"].get("namespace", namespace) != namespace} == set()
    assert only(objects, "ServiceAccount", "slipway-launcher")


@needs_kubectl
def test_no_account_gives_its_token_to_pods_that_do_not_ask() -> None:
    accounts = [one for one in check_infra.objects(BASE) if one["kind"] == "ServiceAccount"]
    assert {one["metadata"]["name"] for one in accounts} == {"default", "slipway-job", "slipway-launcher"}
    assert [one["automountServiceAccountToken"] for one in accounts] == [False] * 3


@needs_kubectl
def test_the_namespace_refuses_pods_that_are_not_restricted() -> None:
    labels = only(check_infra.objects(BASE), "Namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert labels["pod-security.kubernetes.io/enforce-version"] == f"v{check_infra.releases()[0]}"


@needs_kubectl
@pytest.mark.parametrize("folder", [BASE, *JOBS], ids=lambda folder: folder.name)
def test_nothing_is_open_but_for_the_launchers_own_pods(folder: Path) -> None:
    policies = [one for one in check_infra.objects(folder) if one["kind"] == "NetworkPolicy"]
    deny = only(policies, "NetworkPolicy", "deny-all")["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    name, _, value = names.MINE.partition("=")
    selectors = [one["spec"]["podSelector"] for one in policies if one["metadata"]["name"] != "deny-all"]
    assert selectors == [{"matchLabels": {name: value}}] * len(selectors)


@needs_kubectl
def test_jobs_cannot_ask_the_machine_for_its_credentials() -> None:
    policies = check_infra.objects(check_infra.KUBERNETES / "overlays/prod")
    (rule,) = only(policies, "NetworkPolicy", "jobs-store")["spec"]["egress"]
    (block,) = [one["ipBlock"] for one in rule["to"]]
    assert "169.254.0.0/16" in block["except"]
    assert [port["port"] for port in rule["ports"]] == [443]


def test_every_component_is_part_of_an_overlay_and_so_is_checked() -> None:
    there = {path.parent.name for path in check_infra.KUBERNETES.glob("components/*/kustomization.yaml")}
    files = [yaml.safe_load((folder / "kustomization.yaml").read_text()) for folder in OVERLAYS]
    assert {Path(name).name for file in files for name in file["components"]} == there
