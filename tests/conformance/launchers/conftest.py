"""The launchers that the suite holds to one contract, each with a project of its own and work to run in it.

`local` starts processes here, `kubernetes` asks the in-process cluster. `real` is the cluster of `--kubeconfig`, with
the settings of the caller's `SLIPWAY_*` variables: store, remote and MLflow are addresses that its pods can reach,
there is an image, and the namespace has a Secret `greetings` whose `hello` is "open-sesame-7f3a". What needs to touch
a process is left out there.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from fake_work.mlflow import FakeMlflow, fake_mlflow
from fake_work.project import make_project
from launching.site import SECRET, VALUE, Site, environment, eventually, kubernetes_site
from slipway.platform.jobs.launchers.contract import Launcher

REAL = f"""
[contexts.local.targets.real]
launcher = "kubernetes"
cpus = 1
memory_gib = 1
secrets = {{ {SECRET} = "greetings/hello" }}
"""


@pytest.fixture(scope="session")
def mlflow() -> Iterator[FakeMlflow]:
    with fake_mlflow() as server:
        yield server


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each launcher; a module that is about one of them says so in `LAUNCHERS`."""
    if "whole_site" in metafunc.fixturenames:
        real = ["real"] if metafunc.config.getoption("kubeconfig") else []
        names = getattr(metafunc.module, "LAUNCHERS", ["local", "kubernetes", *real])
        metafunc.parametrize("whole_site", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def whole_site(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    callers_environment: Mapping[str, str],
    mlflow: FakeMlflow,
) -> Iterator[Site]:
    """One project for all tests of a launcher: they take work of their own."""
    folder = tmp_path_factory.mktemp(request.param)
    with ExitStack() as stack:
        if request.param == "local":
            yield _local(folder, mlflow)
        elif request.param == "kubernetes":
            yield stack.enter_context(kubernetes_site(folder, mlflow))
        else:
            yield _real(folder, mlflow, callers_environment, request.config.getoption("kubeconfig"))


@pytest.fixture
def site(whole_site: Site) -> Iterator[Site]:
    """The launcher's place; what a test leaves running there is ended."""
    whole_site.assignments.clear()
    whole_site.processes.clear()
    yield whole_site
    whole_site.close()


@pytest.fixture
def launcher(site: Site) -> Launcher:
    """The launcher that is held to the contract."""
    return site.open()


@pytest.fixture(name="eventually")
def _eventually() -> Callable[[Callable[[], bool], str], None]:
    return eventually


def _local(folder: Path, mlflow: FakeMlflow) -> Site:
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "greeting").write_text(VALUE)
    (secrets / "greeting").chmod(0o600)
    settings = f"""
[contexts.local.jobs]
secrets = "{secrets}"
[contexts.local.mlflow]
tracking_uri = "{mlflow.address}"
[contexts.local.targets.local]
secrets = {{ {SECRET} = "greeting" }}
"""
    environ = environment(folder)
    return Site("local", make_project(folder / "project", environ, settings), environ, mlflow)


def _real(folder: Path, mlflow: FakeMlflow, callers: Mapping[str, str], kubeconfig: Path) -> Site:
    told = {name: value for name, value in callers.items() if name.startswith(("SLIPWAY_", "AWS_"))}
    told.pop("SLIPWAY_TEST_IMAGE", None)  # of the other suite, and no setting
    environ = {**environment(folder), **told, "SLIPWAY_KUBERNETES__KUBECONFIG": str(kubeconfig)}
    return Site("real", make_project(folder / "project", environ, REAL), environ, mlflow)
