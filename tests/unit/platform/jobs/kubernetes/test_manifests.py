"""What is sent to a cluster: valid for every version of it, restricted, complete, and nothing secret in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate
import kubernetes_validate.utils
import pytest
import yaml
from packaging.version import Version

from slipway.platform.errors import WrongUse
from slipway.platform.jobs.launchers.contract import Assignment
from slipway.platform.jobs.launchers.kubernetes.manifest import manifests, owned, render_yaml
from slipway.platform.jobs.spec import Limits
from slipway.platform.settings import Settings

GOLDEN = Path(__file__).with_name("vehicle-reid.yaml")
VERSIONS = sorted(
    {one for one in kubernetes_validate.utils.all_versions() if Version(one) >= Version("1.29")}, key=Version
)
Assign = Callable[..., Assignment]


def sent(settings: Settings, assignment: Assignment) -> list[dict[str, Any]]:
    return manifests(assignment, settings.targets[assignment.job.target], settings)


def container(settings: Settings, assignment: Assignment) -> dict[str, Any]:
    job = sent(settings, assignment)[0]
    (only,) = job["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def environment(settings: Settings, assignment: Assignment) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container(settings, assignment)["env"]}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("target", "nodes"), [("cpu", 1), ("gpu-l4", 2), ("gpu-h100x8-spot", 8)])
def test_every_manifest_is_valid_for_every_version(
    settings: Settings, assign: Assign, version: str, target: str, nodes: int
) -> None:
    limits = Limits(deadline_seconds=60.5, memory_bytes=10**9)

    job, *services = sent(settings, assign(target, nodes=nodes, limits=limits))
    job["metadata"]["uid"] = "0d2f"

    assert len(services) == (nodes > 1)
    for manifest in (job, *(owned(service, job) for service in services)):
        kubernetes_validate.validate(manifest, version, strict=True)


def test_the_printed_yaml_is_what_was_looked_at(settings: Settings, assign: Assign) -> None:
    assignment = assign("gpu-l4", nodes=2, secrets=("HF_TOKEN",), limits=Limits(deadline_seconds=43_200))

    text = render_yaml(assignment, settings.targets["gpu-l4"], settings)

    assert text == GOLDEN.read_text()


def test_what_is_printed_is_what_is_sent(settings: Settings, assign: Assign) -> None:
    assignment = assign("gpu-l4", nodes=2)

    text = render_yaml(assignment, settings.targets["gpu-l4"], settings)

    assert list(yaml.safe_load_all(text)) == sent(settings, assignment)


@pytest.mark.parametrize("target", ["cpu", "gpu-l4", "gpu-h100x8-spot"])
def test_pods_keep_the_rules_of_the_restricted_standard(settings: Settings, assign: Assign, target: str) -> None:
    pod = sent(settings, assign(target, nodes=2))[0]["spec"]["template"]["spec"]
    inside = container(settings, assign(target))

    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert {next(iter(set(volume) - {"name"})) for volume in pod["volumes"]} == {"emptyDir"}
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert inside["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert inside["securityContext"]["allowPrivilegeEscalation"] is False
    assert inside["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert not any("hostPort" in port for port in inside.get("ports", ()))


def test_no_credential_of_the_submitter_is_in_a_manifest(settings: Settings, assign: Assign) -> None:
    text = render_yaml(assign(), settings.targets["cpu"], settings)

    assert "never-shown" not in text
    assert "AKIAEXAMPLE" not in text
    assert container(settings, assign())["envFrom"] == [{"secretRef": {"name": "slipway-runner", "optional": True}}]


def test_the_runner_is_told_what_of_the_settings_it_needs(settings: Settings, assign: Assign) -> None:
    told = environment(settings, assign())

    assert told["SLIPWAY_STORE__URL"] == "s3://example-runs/store"
    assert told["SLIPWAY_DATA__REMOTE"] == "s3://example-runs/data"
    assert told["SLIPWAY_S3__REGION"] == "eu-central-1"
    assert told["SLIPWAY_MLFLOW__TRACKING_URI"] == "https://mlflow.example.com"
    assert "SLIPWAY_STORE__ATTEMPTS" not in told


def test_the_runner_finds_a_home_and_room_on_its_volumes(settings: Settings, assign: Assign) -> None:
    told = environment(settings, assign())
    mounted = {mount["mountPath"] for mount in container(settings, assign())["volumeMounts"]}

    assert {told["HOME"], told["TMPDIR"], "/dev/shm"} == mounted  # noqa: S108 - a pod's own
    assert told["SLIPWAY_DATA__CACHE"].startswith(told["HOME"])


def test_one_node_needs_no_service_and_several_meet_at_the_first(settings: Settings, assign: Assign) -> None:
    (alone,) = sent(settings, assign())
    job, service = sent(settings, assign(nodes=3))
    name = job["metadata"]["name"]

    assert "SLIPWAY_RENDEZVOUS" not in environment(settings, assign())
    assert "subdomain" not in alone["spec"]["template"]["spec"]
    assert environment(settings, assign(nodes=3))["SLIPWAY_RENDEZVOUS"] == f"{name}-0.{name}:29500"
    assert job["spec"]["template"]["spec"]["subdomain"] == service["metadata"]["name"] == name
    assert service["spec"]["publishNotReadyAddresses"] is True
    assert (job["spec"]["completions"], job["spec"]["parallelism"]) == (3, 3)


def test_a_queue_starts_a_job_suspended(settings: Settings, assign: Assign) -> None:
    job = sent(settings, assign("gpu-l4"))[0]

    assert job["spec"]["suspend"] is True
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "vision"
    assert "suspend" not in sent(settings, assign("cpu"))[0]["spec"]


def test_only_what_may_be_taken_away_may_be_moved(settings: Settings, assign: Assign) -> None:
    steady = sent(settings, assign("gpu-l4"))[0]["spec"]["template"]["metadata"]
    spot = sent(settings, assign("gpu-h100x8-spot"))[0]["spec"]["template"]["metadata"]

    assert steady["annotations"]["karpenter.sh/do-not-disrupt"] == "true"
    assert "annotations" not in spot


def test_asking_and_limit_are_one(settings: Settings, assign: Assign) -> None:
    resources = container(settings, assign("gpu-l4"))["resources"]

    assert resources["requests"] == resources["limits"]
    assert resources["limits"] == {
        "cpu": "7500m",
        "memory": "29184Mi",
        "ephemeral-storage": "100Gi",
        "nvidia.com/gpu": "1",
    }


def test_the_cluster_kills_behind_the_runners_own_deadline_and_grace(settings: Settings, assign: Assign) -> None:
    spec = sent(settings, assign(limits=Limits(deadline_seconds=100, grace_seconds=20)))[0]["spec"]

    assert spec["activeDeadlineSeconds"] > 100 + 20
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > 20


def test_what_would_be_expanded_stays_as_it_is(settings: Settings, assign: Assign) -> None:
    odd = settings.model_copy(update={"store": settings.store.model_copy(update={"url": "s3://b/$(HOME)"})})

    assert environment(odd, assign())["SLIPWAY_STORE__URL"] == "s3://b/$$(HOME)"


def test_without_an_image_the_setting_is_named(settings: Settings, assign: Assign) -> None:
    bare = settings.model_copy(update={"kubernetes": settings.kubernetes.model_copy(update={"image": None})})

    with pytest.raises(WrongUse, match="No image") as caught:
        sent(bare, assign())

    assert "kubernetes.image" in str(caught.value.mend)
    assert "targets.cpu.image" in str(caught.value.mend)


def test_a_secret_that_the_target_does_not_know_is_refused(settings: Settings, assign: Assign) -> None:
    with pytest.raises(WrongUse, match="HF_TOKEM") as caught:
        sent(settings, assign("gpu-l4", secrets=("HF_TOKEM",)))

    assert "Did you mean `HF_TOKEN`?" in str(caught.value.mend)


def test_secrets_come_by_reference(settings: Settings, assign: Assign) -> None:
    told = environment(settings, assign("gpu-l4", secrets=("HF_TOKEN",)))

    assert told["HF_TOKEN"] == {"secretKeyRef": {"name": "model-hub", "key": "token"}}


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("store", "url", "/home/ada/project/.slipway/store"),
        ("data", "remote", ".slipway/remote"),
        ("mlflow", "tracking_uri", "sqlite:////home/ada/project/.slipway/mlflow.db"),
    ],
)
def test_what_only_the_submitters_machine_has_is_refused(
    settings: Settings, assign: Assign, section: str, name: str, value: str
) -> None:
    changed = getattr(settings, section).model_copy(update={name: value})
    local = settings.model_copy(update={section: changed})

    with pytest.raises(WrongUse, match="cannot reach it") as caught:
        manifests(assign(), local.targets["cpu"], local, Path("/home/ada/project"))

    assert f"SLIPWAY_{section.upper()}__{name.upper()}=" in str(caught.value.mend)


def test_a_password_in_an_address_is_refused_without_being_shown(settings: Settings, assign: Assign) -> None:
    changed = settings.mlflow.model_copy(update={"tracking_uri": "https://ada:hush@mlflow.example.com"})
    leaky = settings.model_copy(update={"mlflow": changed})

    with pytest.raises(WrongUse, match=r"mlflow\.tracking_uri") as caught:
        sent(leaky, assign())

    assert "hush" not in f"{caught.value} {caught.value.mend}"


def test_more_nodes_than_the_target_has_are_refused(settings: Settings, assign: Assign) -> None:
    with pytest.raises(WrongUse, match="at most 8"):
        sent(settings, assign(nodes=9))
