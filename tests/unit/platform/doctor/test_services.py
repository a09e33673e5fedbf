"""MLflow, Airflow and a cluster, answering as each of them can fail."""

import json
import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.doctor import Status, cluster, services
from slipway.platform.settings import Settings, Target
from slipway.platform.settings.schema import Airflow, Kubernetes, MLflow

HEALTHY = {part: {"status": "healthy"} for part in services.AIRFLOW_PARTS}
REVIEW = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def mlflow_answers(server: Any, served: str = version("mlflow"), status: int = 200) -> None:
    server.answers = {
        "GET /health": lambda _: (200, "OK"),
        "GET /version": lambda _: (200, served),
        "POST /api/2.0/mlflow/experiments/search": lambda _: (status, {}),
    }


def test_a_healthy_mlflow_server_is_ok(server: Any) -> None:
    mlflow_answers(server)
    (finding,) = services.mlflow(MLflow(tracking_uri=server.address))
    assert finding.status is Status.OK


@pytest.mark.parametrize(("status", "expected"), [(401, "refuses user `ada`"), (500, "answers its API with 500")])
def test_an_mlflow_that_refuses_names_the_hop(server: Any, status: int, expected: str) -> None:
    mlflow_answers(server, status=status)
    (finding,) = services.mlflow(MLflow(tracking_uri=server.address, username="ada"))
    assert finding.status is Status.FAILED
    assert expected in finding.detail


def test_an_older_mlflow_server_is_a_warning(server: Any) -> None:
    mlflow_answers(server, served="2.1.0")
    (finding,) = services.mlflow(MLflow(tracking_uri=server.address))
    assert finding.status is Status.WARNING


def test_an_address_where_nobody_listens_is_named(unused_address: str) -> None:
    (finding,) = services.mlflow(MLflow(tracking_uri=unused_address))
    assert finding.status is Status.FAILED
    assert unused_address in finding.detail
    assert "mlflow server" in (finding.mend or "")


def mlflow_file(path: Path) -> tuple[Status, str]:
    (finding,) = services.mlflow(MLflow(tracking_uri=f"sqlite:///{path}"))
    return finding.status, finding.mend or ""


def test_a_file_that_is_no_mlflow_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    assert mlflow_file(path)[0] is Status.OK
    path.touch()
    assert mlflow_file(path)[0] is Status.OK
    path.write_text("no database at all")
    assert mlflow_file(path) == (Status.FAILED, f"mv {path} {path}.broken")
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table alembic_version (version_num text)")
    assert mlflow_file(path)[0] is Status.OK


def test_a_database_that_someone_writes_to_is_never_said_to_be_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "BUSY_SECONDS", 0.05)
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("create table alembic_version (version_num text)")
        database.execute("begin exclusive")
        status, mend = mlflow_file(path)
    assert status is Status.WARNING
    assert "mv " not in mend


def test_something_else_in_the_place_of_the_database_is_not_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.mkdir()
    status, mend = mlflow_file(path)
    assert status is Status.FAILED
    assert "mv " not in mend


def test_an_address_that_is_neither_server_nor_file_is_refused() -> None:
    (finding,) = services.mlflow(MLflow(tracking_uri="mlflow.example.com"))
    assert finding.status is Status.FAILED


def test_each_part_of_airflow_that_is_not_well_is_named(server: Any) -> None:
    health = {**HEALTHY, "scheduler": {"status": "unhealthy"}, "dag_processor": {"status": None}}
    server.answers = {"GET /api/v2/monitor/health": lambda _: (200, health)}
    findings = list(services.airflow(Airflow(url=server.address)))
    assert [one.name for one in findings] == ["airflow scheduler", "airflow dag-processor"]
    assert all(one.status is Status.FAILED for one in findings)


def test_airflows_login_is_tried(server: Any) -> None:
    server.answers = {"GET /api/v2/monitor/health": lambda _: (200, HEALTHY), "POST /auth/token": _login}
    right, wrong = (Airflow(url=server.address, username="ada", password=word) for word in ("right", "wrong"))  # type: ignore[arg-type]
    assert [one.status for one in services.airflow(right)] == [Status.OK, Status.OK]
    assert [one.status for one in services.airflow(wrong)] == [Status.OK, Status.FAILED]


def _login(body: dict[str, Any]) -> tuple[int, Any]:
    return (201, {"access_token": "t"}) if body["password"] == "right" else (401, {"detail": "no"})


def test_a_context_without_airflow_skips_it() -> None:
    assert [one.status for one in services.airflow(Airflow())] == [Status.SKIPPED]


def cluster_settings(server: Any, folder: Path) -> Settings:
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "test",
                "clusters": [{"name": "test", "cluster": {"server": server.address}}],
                "users": [{"name": "test", "user": {"token": "t"}}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            }
        )
    )
    return Settings(
        kubernetes=Kubernetes(kubeconfig=kubeconfig, namespace="vision"),
        targets={"gpu": Target(launcher="kubernetes")},
    )


def test_every_permission_of_the_launcher_is_reviewed(server: Any, tmp_path: Path) -> None:
    server.answers = {REVIEW: lambda body: (201, {**body, "status": {"allowed": True}})}
    (finding,) = cluster.kubernetes(cluster_settings(server, tmp_path))
    assert finding.status is Status.OK
    reviewed = [body["spec"]["resourceAttributes"] for _, body in server.requests]
    assert len(reviewed) == len(cluster.PERMISSIONS)
    assert {one["namespace"] for one in reviewed} == {"vision"}
    assert {"verb": "get", "group": "", "resource": "pods", "subresource": "log"}.items() <= max(
        reviewed, key=lambda one: one["subresource"]
    ).items()


def test_a_denied_permission_names_verb_resource_and_the_role_to_add(server: Any, tmp_path: Path) -> None:
    def deny_create_jobs(body: dict[str, Any]) -> tuple[int, Any]:
        asked = body["spec"]["resourceAttributes"]
        return 201, {**body, "status": {"allowed": (asked["verb"], asked["resource"]) != ("create", "jobs")}}

    server.answers = {REVIEW: deny_create_jobs}
    (finding,) = cluster.kubernetes(cluster_settings(server, tmp_path))
    assert finding.status is Status.FAILED
    assert finding.detail == "not allowed to create jobs.batch in namespace `vision`"
    assert "--verb=create --resource=jobs.batch" in (finding.mend or "")


def test_a_login_that_has_run_out_is_named(server: Any, tmp_path: Path) -> None:
    server.answers = {REVIEW: lambda _: (401, {"kind": "Status", "message": "Unauthorized"})}
    (finding,) = cluster.kubernetes(cluster_settings(server, tmp_path))
    assert (finding.name, finding.status) == ("kubernetes login", Status.FAILED)


def test_a_missing_kubeconfig_is_named(tmp_path: Path) -> None:
    settings = Settings(
        kubernetes=Kubernetes(kubeconfig=tmp_path / "nowhere"), targets={"gpu": Target(launcher="kubernetes")}
    )
    (finding,) = cluster.kubernetes(settings)
    assert (finding.name, finding.status) == ("kubernetes credentials", Status.FAILED)
    assert "target gpu" in finding.detail


def test_a_kubeconfig_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("{ not: [yaml")
    settings = Settings(kubernetes=Kubernetes(kubeconfig=kubeconfig), targets={"gpu": Target(launcher="kubernetes")})
    (finding,) = cluster.kubernetes(settings)
    assert finding.name == "kubernetes credentials"
    assert str(kubeconfig) in finding.detail


def test_an_api_server_that_is_gone_is_named(server: Any, tmp_path: Path, unused_address: str) -> None:
    settings = cluster_settings(server, tmp_path)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(kubeconfig.read_text().replace(server.address, unused_address))
    (finding,) = cluster.kubernetes(settings)
    assert (finding.name, finding.status) == ("kubernetes", Status.FAILED)
    assert unused_address in finding.detail


def test_a_context_without_cluster_targets_skips_it() -> None:
    assert [one.status for one in cluster.kubernetes(Settings())] == [Status.SKIPPED]
