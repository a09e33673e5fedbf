"""Is what `infra/` says to a cluster and to an image builder valid, and is it good practice?

Every kustomization is rendered; every object is held against the schemas of all Kubernetes releases from the oldest
that we support (objects of other projects, such as Kueue's, have none here). What services promise beyond that is in
`infra_rules`. checkov judges the rendered objects and the Dockerfiles, hadolint the Dockerfiles. A tool that is missing
is said and left out; `make infra-tools` installs those that come from the package index. With `--need-all` a missing
tool is a failure.
"""

import argparse
import functools
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from kubernetes_validate import SchemaNotFoundError, ValidationError, validate
from kubernetes_validate.utils import all_versions, major_minor

import infra_rules
from workspace import INFRA_VENV, ROOT

INFRA: Final = ROOT / "infra"
KUBERNETES: Final = INFRA / "kubernetes"
BASES: Final = (KUBERNETES / "base", KUBERNETES / "services")
CHECKOV: Final = INFRA / "checkov.yaml"
OLDEST: Final = (1, 29)
OTHERS: Final = frozenset({"kueue.x-k8s.io"})
"""Groups of objects that Kubernetes does not bring, and whose schemas we do not have."""
FRAMEWORKS: Final = ("kubernetes", "dockerfile")
INSTALL: Final = "Run `make infra-tools`."

Object = dict[str, Any]


class ToolMissing(Exception):
    """A program is not here; the message says how it comes."""


def program(name: str, install: str) -> str:
    """A program of our own environment for these checks, else of the path."""
    own = INFRA_VENV / "bin" / name
    found = str(own) if own.exists() else shutil.which(name)
    if found is None:
        raise ToolMissing(f"{name} is not installed. {install}")
    return found


def kustomizations() -> list[Path]:
    """The bases (of jobs, of services) and all overlays; components are parts of these."""
    return [*BASES, *sorted(path.parent for path in KUBERNETES.glob("overlays/*/kustomization.yaml"))]


def dockerfiles() -> list[Path]:
    """All of them."""
    return sorted((INFRA / "docker").glob("*/Dockerfile"))


def name_of(path: Path) -> str:
    """As people call it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name


@functools.cache
def rendered(folder: Path) -> str:
    """What a kustomization gives, as kubectl would apply it."""
    command = [program("kubectl", "Install kubectl; it is one file."), "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(done.stderr.strip())
    return done.stdout


def objects(folder: Path) -> list[Object]:
    """The same, read."""
    return [one for one in yaml.safe_load_all(rendered(folder)) if one]


def releases() -> list[str]:
    """The Kubernetes releases whose schemas are here and that we support, oldest first."""
    known = {major_minor(version) for version in all_versions()}
    return sorted((one for one in known if _numbers(one) >= OLDEST), key=_numbers)


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))


def faults(one: Object) -> Iterator[str]:
    """Where an object is not what a release's schema says; one fault for each release."""
    if one["apiVersion"].partition("/")[0] in OTHERS:
        return
    called = f"{one['kind']} {one['metadata']['name']}"
    for release in releases():
        try:
            validate(one, release, strict=True)
        except ValidationError as error:
            field = ".".join(str(part) for part in error.path) or "the object"
            yield f"{called}: {field}: {error.message} (Kubernetes {release})"
        except SchemaNotFoundError:
            yield f"{called}: Kubernetes {release} has no {one['apiVersion']} {one['kind']}"


def check_schemas() -> list[str]:
    """All objects of all kustomizations; one that several have but for its namespace is judged once."""
    problems: list[str] = []
    judged_before: set[str] = set()
    for folder in kustomizations():
        try:
            for one in objects(folder):
                told = json.dumps({**one, "metadata": {**one["metadata"], "namespace": ""}}, sort_keys=True)
                if told not in judged_before:
                    judged_before.add(told)
                    problems += [f"{name_of(folder)}: {fault}" for fault in faults(one)]
        except ValueError as error:
            problems.append(f"{name_of(folder)} cannot be rendered: {error}")
    return problems


def services() -> list[Path]:
    """The overlays of services."""
    return [folder for folder in kustomizations() if folder.name.startswith("services-")]


def check_services() -> list[str]:
    """What every service promises."""
    problems = []
    for folder in services():
        try:
            problems += [f"{name_of(folder)}: {fault}" for fault in infra_rules.faults(objects(folder))]
        except ValueError:  # the schemas' check says that it cannot be rendered
            continue
    return problems


def check_checkov() -> list[str]:
    """The rendered objects and the Dockerfiles."""
    checkov = program("checkov", INSTALL)
    with tempfile.TemporaryDirectory() as place:
        files = [Path(place) / f"{folder.name}.yaml" for folder in kustomizations()]
        for folder, file in zip(kustomizations(), files, strict=True):
            file.write_text(rendered(folder))
        for path in dockerfiles():
            files.append(Path(place) / path.parent.name / path.name)
            files[-1].parent.mkdir()
            shutil.copy(path, files[-1])
        return judged(checkov, files)


def judged(checkov: str, files: Sequence[Path]) -> list[str]:
    """What checkov finds wrong with these files, a line each."""
    named = [word for file in files for word in ("--file", str(file))]
    command = [checkov, "--config-file", str(CHECKOV), "--framework", *FRAMEWORKS, "-o", "json", *named]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        told = json.loads(done.stdout)
    except json.JSONDecodeError:
        return [f"checkov said nothing that can be read: {(done.stderr or done.stdout).strip()[-500:]}"]
    reports = [one for one in (told if isinstance(told, list) else [told]) if "results" in one]
    if {one["check_type"] for one in reports} != set(FRAMEWORKS) or any(
        not one["summary"]["passed"] for one in reports
    ):
        return ["checkov did not find everything that it is to check."]
    unread = [f"checkov cannot read a {one['check_type']} file." for one in reports if one["summary"]["parsing_errors"]]
    failed = [one for report in reports for one in report["results"]["failed_checks"]]
    return unread + [
        f"{Path(one['file_path']).name}: {one['resource']}: {one['check_id']} {one['check_name']}" for one in failed
    ]


def check_hadolint() -> list[str]:
    """The Dockerfiles."""
    hadolint = program("hadolint", INSTALL)
    command = [hadolint, "--no-color", *map(str, dockerfiles())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().splitlines() if done.returncode else []


CHECKS: Final[tuple[tuple[str, Callable[[], list[str]]], ...]] = (
    ("schemas", check_schemas),
    ("services", check_services),
    ("checkov", check_checkov),
    ("hadolint", check_hadolint),
)


def main() -> int:
    """Print the problems; 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--need-all", action="store_true", help="fail where a tool is missing")
    need_all = parser.parse_args().need_all
    problems: list[str] = []
    for name, check in CHECKS:
        try:
            problems += check()
        except ToolMissing as missing:
            if need_all:
                problems.append(str(missing))
            print(f"check_infra: {'FAILED' if need_all else 'SKIPPED'}, {name}: {missing}")
    for problem in problems:
        print(f"check_infra: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
