"""What an API server refuses, and what becomes of requests that it does not answer."""

from collections.abc import Callable
from pathlib import Path

import pytest

from launching.desk import HASTY, Desk, rules
from slipway.platform.errors import WrongUse
from slipway.platform.jobs.launchers.contract import (
    Assignment,
    LauncherRefused,
    LauncherUnreachable,
    Phase,
)
from slipway.platform.jobs.launchers.kubernetes.connecting import connect
from slipway.platform.jobs.launchers.kubernetes.rights import QUEUE_RIGHTS, RIGHTS, Right
from slipway.platform.jobs.launchers.kubernetes.variables import check_loopback
from slipway.platform.settings import Settings
from slipway.platform.settings.schema import Toleration

Assign = Callable[..., Assignment]


@pytest.mark.parametrize("right", RIGHTS[:1] + RIGHTS[6:7], ids=lambda right: f"{right.verb} {right.named}")
def test_a_missing_right_is_named(desk: Desk, assign: Assign, right: Right) -> None:
    others = rules(*(one for one in RIGHTS if one != right))
    launcher = desk.launcher(desk.cluster.user("guest", others))

    with pytest.raises(LauncherRefused, match=f"Not allowed to {right.verb} {right.named} in namespace slipway"):
        launcher.submit(assign())


def test_without_the_rights_that_only_explain_a_job_runs(desk: Desk, assign: Assign) -> None:
    needed = rules(*(one for one in RIGHTS if one.resource.plural not in {"events", "resourcequotas"}))
    launcher = desk.launcher(desk.cluster.user("guest", needed))

    launcher.submit(assign())

    desk.wait(launcher, assign(), Phase.RUNNING)
    assert launcher.capacity("cpu").nodes is None


def test_the_launcher_uses_no_right_but_those_that_it_names(desk: Desk, assign: Assign) -> None:
    launcher = desk.launcher()
    desk.runs(launcher, assign(nodes=2), nodes=2)
    list(launcher.list())
    launcher.capacity("cpu")
    launcher.cancel(assign(nodes=2))

    used = {(one.verb, one.group, one.resource) for one in desk.cluster.requests if one.user == "tester"}

    assert used <= {(one.verb, one.resource.group, one.named) for one in (*RIGHTS, *QUEUE_RIGHTS)}


def test_a_namespace_that_is_missing_is_named(desk: Desk, assign: Assign) -> None:
    kubernetes = desk.settings.kubernetes.model_copy(
        update={"namespace": "elsewhere", "kubeconfig": desk.cluster.admin_kubeconfig}
    )
    desk.settings = desk.settings.model_copy(update={"kubernetes": kubernetes})

    with pytest.raises(LauncherRefused, match="no namespace `elsewhere`"):
        desk.launcher().submit(assign())


def test_a_wrong_value_is_told_with_its_field(desk: Desk, assign: Assign) -> None:
    wrong = Toleration(key="spot", operator="Exists", value="true")
    target = desk.settings.targets["cpu"].model_copy(update={"tolerations": (wrong,)})
    desk.settings = desk.settings.model_copy(update={"targets": {"cpu": target}})

    with pytest.raises(LauncherRefused, match=r"spec\.template\.spec\.tolerations\[0\].*value must be empty") as caught:
        desk.launcher().submit(assign())

    assert "tolerations" in str(caught.value.mend)


def test_what_passes_is_waited_out(desk: Desk, assign: Assign) -> None:
    launcher, faults = desk.launcher(), desk.cluster.faults

    faults.fail(500)
    faults.throttle(0)
    launcher.submit(assign())
    faults.drop()
    launcher.status(assign())

    assert len(desk.cluster.things("jobs")) == 1


def test_an_answer_that_is_lost_makes_no_second_job(desk: Desk, assign: Assign) -> None:
    desk.cluster.faults.lose_answer(verb="create", resource="jobs")
    desk.cluster.faults.lose_answer(verb="create", resource="services")

    desk.launcher().submit(assign(nodes=2))

    assert len(desk.cluster.things("jobs")) == len(desk.cluster.things("services")) == 1


def test_a_deletion_whose_answer_is_lost_is_fine(desk: Desk, assign: Assign) -> None:
    launcher = desk.launcher()
    desk.runs(launcher, assign())
    desk.cluster.faults.lose_answer(verb="delete", resource="jobs")

    launcher.cancel(assign())

    desk.wait(launcher, assign(), Phase.ABSENT)


def test_a_server_that_stays_silent_or_broken_is_unreachable(desk: Desk, assign: Assign) -> None:
    launcher, faults = desk.launcher(), desk.cluster.faults
    hasty = desk.launcher(patience=HASTY)
    launcher.submit(assign())

    faults.fail(500, times=99)
    with pytest.raises(LauncherUnreachable, match="HTTP 500"):
        launcher.status(assign())
    faults.clear()
    faults.hang(times=99)
    with pytest.raises(LauncherUnreachable, match="does not answer"):
        hasty.status(assign())
    faults.clear()

    assert launcher.status(assign()).phase in (Phase.PENDING, Phase.RUNNING)


def test_a_server_that_restarts_is_unreachable_while_it_is_down(desk: Desk, assign: Assign) -> None:
    launcher = desk.launcher()
    desk.runs(launcher, assign())

    def down() -> None:
        with pytest.raises(LauncherUnreachable):
            launcher.status(assign())

    desk.cluster.restart(down)

    assert launcher.status(assign()).phase is Phase.RUNNING


def test_what_only_this_machine_answers_is_refused_for_a_cluster_elsewhere(settings: Settings) -> None:
    changed = settings.mlflow.model_copy(update={"tracking_uri": "http://localhost:5000"})
    local = settings.model_copy(update={"mlflow": changed})

    with pytest.raises(WrongUse, match=r"mlflow\.tracking_uri.*only this machine answers"):
        check_loopback(local, "https://cluster.example.com")
    check_loopback(local, "https://127.0.0.1:6443")


def test_without_any_cluster_the_setting_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(WrongUse, match="No cluster is known") as caught:
        connect(settings.kubernetes)

    assert "SLIPWAY_KUBERNETES__KUBECONFIG" in str(caught.value.mend)


def test_a_context_that_the_file_does_not_have_is_told_with_the_nearest(desk: Desk) -> None:
    wrong = desk.settings.kubernetes.model_copy(update={"context": "tset"})

    with pytest.raises(WrongUse, match="`tset`") as caught:
        connect(wrong)

    assert "Did you mean `test`?" in str(caught.value.mend)


def test_a_file_that_is_no_kubeconfig_is_named(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text("apiVersion: [")

    with pytest.raises(WrongUse, match="cannot be used to reach a cluster"):
        connect(settings.kubernetes.model_copy(update={"kubeconfig": file}))
