"""What all tests share: surroundings of their own, and seeds for random tests.

A random test asks for the fixture `seed`. `make test` runs it once, with seed 0; `make soak SEEDS=n` runs it for the
seeds 0 to n-1, each a case of its own whose name says the seed. What takes long even with one seed is marked `soak` as
well and left out of `make test`.
"""

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from _pytest.nodeid import coerce_node_id
from hypothesis import settings

FIXED_SEED = 0
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ORT_NUM_THREADS")

# Never a deadline: how long an example takes says more about the machine than about the code.
settings.register_profile("test", deadline=None, derandomize=True)
settings.register_profile("soak", deadline=None, derandomize=False)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("slipway")
    group.addoption(
        "--seeds", type=count, metavar="N", help="run each random test for the seeds 0 to N-1, as soak tests"
    )
    group.addoption(
        "--kubeconfig", type=Path, metavar="PATH", help="run what needs a cluster on this real one, as well"
    )


def count(text: str) -> int:
    """A number of seeds."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of seeds from 1, found {text!r}")
    return int(text)


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background of a shell; children would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.load_profile("soak" if config.getoption("seeds") else "test")


def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: as many as this process may keep busy, which a container's quota decides and not its node."""
    from slipway.platform.machine import cores

    return cores().threads


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a random test its seeds; more than the fixed one make it a soak test."""
    if "seed" not in metafunc.fixturenames:
        return
    seeds = metafunc.config.getoption("seeds")
    cases = [pytest.param(seed, marks=pytest.mark.soak, id=f"seed{seed}") for seed in range(seeds or 0)]
    metafunc.parametrize("seed", cases or [pytest.param(FIXED_SEED, id=f"seed{FIXED_SEED}")])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests of an `xdist_group` on one worker: xdist 3.8 writes the group to where pytest before 9.2 looked."""
    for item in items:
        if (grouped := vars(item).get("_nodeid")) is not None and hasattr(item, "_id"):
            item._id = coerce_node_id(grouped)


@pytest.fixture(scope="session")
def callers_environment() -> Mapping[str, str]:
    """The environment of whoever started the tests, for what needs their package client's settings and caches."""
    return dict(os.environ)


@pytest.fixture(scope="session", autouse=True)
def own_surroundings(
    callers_environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """A HOME without anybody's keys and settings, no SLIPWAY_* variables, and one thread for each numeric library."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in callers_environment:
            if variable.startswith("SLIPWAY_"):
                patch.delenv(variable)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{callers_environment['PATH']}")
        for variable in THREADS:
            patch.setenv(variable, "1")
        yield
