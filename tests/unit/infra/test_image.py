"""The image of jobs fits the pods that the launcher makes, and `make images` says what it will do."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import check_infra
import images
from pins import read_pins
from workspace import LOCK, ROOT

Object = dict[str, Any]
TEXT = images.DOCKERFILE.read_text()
FINAL = TEXT[TEXT.rindex("\nFROM ") :]


def instruction(word: str) -> str:
    """What follows the word in the last stage."""
    found = re.findall(rf"^{word} (.+)$", FINAL, flags=re.MULTILINE)
    assert len(found) == 1
    return str(found[0])


def test_the_user_is_that_of_the_pods(job_manifests: list[Object]) -> None:
    security = job_manifests[0]["spec"]["template"]["spec"]["securityContext"]
    user, group = security["runAsUser"], security["runAsGroup"]
    assert instruction("USER") == f"{user}:{group}"
    assert f"--uid {user} --gid {group} " in TEXT


def test_home_and_temporary_files_are_where_the_pods_mount_room(job_manifests: list[Object]) -> None:
    (container,) = job_manifests[0]["spec"]["template"]["spec"]["containers"]
    environment = {one["name"]: one.get("value") for one in container["env"]}
    mounted = {one["mountPath"] for one in container["volumeMounts"]}
    assert instruction("WORKDIR") == container["workingDir"] == environment["HOME"]
    assert {environment["HOME"], environment["TMPDIR"]} <= mounted
    assert f"HOME={environment['HOME']} " in FINAL
    assert f"TMPDIR={environment['TMPDIR']} " in FINAL


def test_the_first_process_is_the_runner_that_the_pods_call(job_manifests: list[Object]) -> None:
    (container,) = job_manifests[0]["spec"]["template"]["spec"]["containers"]
    assert json.loads(instruction("ENTRYPOINT")) == container["command"]


def test_what_the_launcher_sends_is_valid_in_every_release(job_manifests: list[Object]) -> None:
    assert [one["kind"] for one in job_manifests] == ["Job", "Service"]
    assert [fault for one in job_manifests for fault in check_infra.faults(one)] == []


def test_what_the_launcher_sends_passes_checkov(job_manifests: list[Object], tmp_path: Path) -> None:
    try:
        checkov = check_infra.program("checkov", check_infra.INSTALL)
    except check_infra.ToolMissing as missing:
        pytest.skip(str(missing))
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump_all(job_manifests))
    assert check_infra.judged(checkov, [file, images.DOCKERFILE]) == []


def test_layers_change_from_the_system_to_the_runner() -> None:
    order = ["COPY --from=libraries", "COPY --from=runner", "ARG REVISION", "USER"]
    places = [FINAL.index(word) for word in order]
    assert places == sorted(places)
    assert TEXT.index("source=requirements.lock") < TEXT.index("source=wheels")
    assert "RUN" not in FINAL


def test_no_address_or_password_stands_in_it() -> None:
    assert "://" not in TEXT
    assert not re.search(r"(?i)^(arg|env).*(token|password|secret)", TEXT, flags=re.MULTILINE)


def test_the_context_has_the_locks_part_and_the_runner_and_no_model(tmp_path: Path) -> None:
    folder = tmp_path / "context"
    images.make_context(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["Dockerfile", "requirements.lock", "wheels"]
    (wheel,) = (folder / "wheels").iterdir()
    assert wheel.name.startswith("slipway_platform-")
    pins, part = read_pins(LOCK), read_pins(folder / "requirements.lock")
    assert part.items() <= pins.items()
    assert {"torch", "boto3", "mlflow", "pytorch-lightning"} <= set(part)
    assert not {"pytest", "apache-airflow", "ruff"} & set(part)


def test_the_same_work_tree_gives_the_same_context(tmp_path: Path) -> None:
    assert images.make_context(tmp_path / "one") == images.make_context(tmp_path / "two")


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").touch()
    assert images.main(["--context", str(tmp_path)]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert (tmp_path / "mine").exists()


def test_a_dry_run_shows_the_commands_and_the_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert images.main(["--dry-run", "--variant", "cuda", "--push", "registry.example.com:5000/slipway-train"]) == 0
    told = capsys.readouterr().out
    assert "--build-arg VARIANT=cuda --build-arg TORCH= " in told
    assert re.search(r"docker push registry\.example\.com:5000/slipway-train:cuda-[0-9a-f]{12}\n", told)
    assert 'kubernetes.image = "registry.example.com:5000/slipway-train@sha256:...' in told


def test_where_nothing_can_build_the_reasons_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = images.Builder(sys.executable, (sys.executable, "-c", "raise SystemExit('no daemon answers')"))
    absent = images.Builder("no-such-builder", ())
    monkeypatch.setattr(images, "BUILDERS", (silent, absent))
    with pytest.raises(images.ImagesFailed, match="no daemon answers") as failed:
        images.choose(None)
    assert "no-such-builder: not installed" in str(failed.value)
    assert "--context FOLDER" in str(failed.value)
    assert capsys.readouterr().out == ""


def test_buildah_tells_the_registrys_digest_through_a_file(tmp_path: Path) -> None:
    note = tmp_path / "note"
    note.write_text(f"sha256:{'a' * 64}\n")
    assert images.Builder("buildah", ()).digest("registry.example.com/x:1", note) == f"sha256:{'a' * 64}"


def test_a_missing_tool_is_said_and_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(check_infra, "INFRA_VENV", tmp_path)
    monkeypatch.setattr(check_infra, "rendered", check_infra.rendered.__wrapped__)
    monkeypatch.setattr(sys, "argv", ["check_infra.py"])
    assert check_infra.main() == 0
    told = capsys.readouterr().out
    assert "SKIPPED, schemas: kubectl is not installed." in told
    assert "SKIPPED, hadolint: hadolint is not installed. Run `make infra-tools`." in told
    monkeypatch.setattr(sys, "argv", ["check_infra.py", "--need-all"])
    assert check_infra.main() == 1


def test_the_context_of_services_has_the_commit_with_its_history_and_what_airflow_needs(tmp_path: Path) -> None:
    folder = tmp_path / "context"
    images.make_context(folder, images.SERVICES)
    assert sorted(path.name for path in folder.iterdir()) == [
        "Dockerfile",
        "build.lock",
        "project",
        "requirements.lock",
    ]
    log = ["git", "log", "--format=%H"]
    here, there = (subprocess.check_output(log, cwd=root, text=True) for root in (ROOT, folder / "project"))
    assert here == there
    assert subprocess.check_output(["git", "remote"], cwd=folder / "project") == b""
    assert (folder / "project/slipway.toml").exists()
    assert not (folder / "project/.slipway").exists()
    pins, part = read_pins(LOCK), read_pins(folder / "requirements.lock")
    assert part.items() <= pins.items()
    assert {"apache-airflow", "apache-airflow-providers-fab", "mlflow", "psycopg2-binary", "tuf", "uvicorn"} <= set(
        part
    )
    assert not {"pytest", "ruff"} & set(part)
    assert set(read_pins(folder / "build.lock")) == {"hatchling", "editables"}


def test_services_run_as_the_user_of_their_pods_from_the_project() -> None:
    text = images.SERVICES.dockerfile.read_text()
    final = text[text.rindex("\nFROM ") :]
    (pod,) = [one for one in yaml.safe_load((check_infra.KUBERNETES / "services/restricted.yaml").read_text())
              if one["path"].endswith("template/spec/securityContext")]  # fmt: skip
    assert f"USER {pod['value']['runAsUser']}:{pod['value']['runAsGroup']}\n" in final
    assert "WORKDIR /srv/project\n" in final
    assert "RUN" not in final
    assert "://" not in text


def test_a_dry_run_for_services_says_what_the_overlay_wants(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        images.main(["--image", "services", "--dry-run", "--push", "registry.example.com:5000/slipway-services"]) == 0
    )
    line = capsys.readouterr().out.splitlines()[-1]
    (wanted,) = yaml.safe_load(line)["images"]
    made = yaml.safe_load((check_infra.KUBERNETES / "services/kustomization.yaml").read_text())["images"][0]
    assert wanted["name"] == made["newName"]
    assert wanted["newName"] == "registry.example.com:5000/slipway-services"
