"""What the lock checks catch, on small locks and small worlds of distributions."""

import random
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from check_locks import compare
from device_wheels import JETPACK_6, NoNetwork, Unresolvable, failure, read_wheel
from needs import Needs, chains, walk
from pins import blemishes, inexact, read_pins

WORLD = {
    "app": ["web[fast]>=2", "old-python; python_version < '3.11'", "windows-only; sys_platform == 'win32'"],
    "web": ["core<5", "loop; extra == 'fast'", "docs; extra == 'docs'"],
    "loop": ["nvidia-thing"],
}


def world(name: NormalizedName) -> Iterable[Requirement]:
    """Distributions that need each other."""
    return [Requirement(line) for line in WORLD.get(name, ())]


def needs_of(root: str, python: str = "3.11") -> Needs:
    """What one distribution needs on Linux."""
    return walk([("a person", Requirement(root))], world, {**JETPACK_6, "python_version": python})


def lock(folder: Path, *lines: str) -> Path:
    """A lock file."""
    path = folder / "requirements.lock"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_plain_pins_have_no_blemish(tmp_path: Path) -> None:
    path = lock(tmp_path, "apache-airflow==3.3.2", "apache-airflow-core==3.3.2", "numpy==2.4.6")
    assert blemishes(path) == []
    assert {name: str(version) for name, version in read_pins(path).items()} == {
        "apache-airflow": "3.3.2",
        "apache-airflow-core": "3.3.2",
        "numpy": "2.4.6",
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("torch==2.13.0+cpu", "local suffix +cpu"),
        ("torch>=2.13.0", "no plain"),
        ("torch @ https://example.com/torch.whl", "no plain"),
        ("torch==2.13.0 ; python_version < '3.12'", "no plain"),
        ("--index-url https://example.com/simple", "no plain"),
        ("torch==2.13.0 --hash=sha256:00", "no plain"),
        ("nvidia-cublas-cu12==12.8.4.1", "belongs to a GPU build"),
        ("triton==3.4.0", "belongs to a GPU build"),
        ("numpy==2.4.6", "stands there twice"),
        ("absl-py==2.3.0", "absl-py comes too late"),
    ],
)
def test_what_is_not_plain_is_named(tmp_path: Path, line: str, expected: str) -> None:
    assert any(expected in problem for problem in blemishes(lock(tmp_path, "numpy==2.4.6", line)))


def test_the_walk_follows_extras_and_markers_of_the_machine() -> None:
    assert set(needs_of("app").by) == {"app", "web", "core", "loop", "nvidia-thing"}
    assert "old-python" in needs_of("app", python="3.10").by


def test_who_needs_a_distribution_is_told_from_the_top() -> None:
    assert list(chains(canonicalize_name("loop"), needs_of("app"))) == ["a person -> app -> web -> loop"]


def test_a_lock_that_satisfies_everything_is_silent(tmp_path: Path) -> None:
    pins = read_pins(lock(tmp_path, "app==1.0", "core==4.9", "loop==1.0", "web==2.1"))
    assert compare("requirements.lock", pins, needs_of("app")) == []


def test_missing_wrong_and_unneeded_pins_are_told_with_who_asks(tmp_path: Path) -> None:
    pins = read_pins(lock(tmp_path, "app==1.0", "core==5.0", "web==2.1", "zebra==1.0"))
    assert compare("requirements.lock", pins, needs_of("app")) == [
        "requirements.lock: web needs core<5, the lock has 5.0. Run `make lock`.",
        'requirements.lock: web needs loop; extra == "fast", the lock has none. Run `make lock`.',
        "requirements.lock: nothing needs zebra. Remove its line, or state who needs it.",
    ]


def test_only_one_version_is_an_exact_pin() -> None:
    requirements = [Requirement(line) for line in ("a==1", "b>=1", "c", "d==1,!=2")]
    assert inexact(requirements) == ["b>=1", "c", "d!=2,==1"]


def test_a_wheel_tells_its_requirements(tmp_path: Path) -> None:
    path = tmp_path / "anyio-4.16.0-py3-none-any.whl"
    metadata = (
        "Metadata-Version: 2.4\nName: anyio\nVersion: 4.16.0\nRequires-Python: >=3.10\nRequires-Dist: idna>=2.8\n"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("anyio-4.16.0.dist-info/METADATA", metadata)
    wheel = read_wheel(path)
    assert (wheel.name, str(wheel.version), str(wheel.python)) == ("anyio", "4.16.0", ">=3.10")
    assert [str(one) for one in wheel.requires] == ["idna>=2.8"]


def test_no_network_is_told_from_no_such_wheel() -> None:
    no_network = "WARNING: Retrying after connection broken by 'NewConnectionError'\nERROR: No matching distribution"
    no_wheel = "ERROR: Could not find a version that satisfies the requirement numpy==2.3.1\nERROR: No matching"
    assert isinstance(failure(no_network), NoNetwork)
    assert isinstance(failure(no_wheel), Unresolvable)
    assert "numpy==2.3.1" in str(failure(no_wheel))


def test_in_any_world_exactly_what_is_reached_may_stand_in_the_lock(seed: int) -> None:
    choose = random.Random(seed)
    names = [f"package-{number}" for number in range(choose.randint(1, 30))]
    arrows = {name: choose.sample(names, k=choose.randint(0, min(3, len(names)))) for name in names}
    reached, waiting = set[str](), [names[0]]
    while waiting:
        if (name := waiting.pop()) not in reached:
            reached.add(name)
            waiting += arrows[name]

    needs = walk([("a person", Requirement(names[0]))], lambda name: map(Requirement, arrows[name]), JETPACK_6)
    assert set(needs.by) == reached
    full = {canonicalize_name(name): Version("1.0") for name in reached}
    assert compare("lock", full, needs) == []
    lost = choose.choice(sorted(full))
    problems = compare("lock", {name: version for name, version in full.items() if name != lost}, needs)
    assert problems
    assert all(f"needs {lost}, the lock has none" in problem for problem in problems)
    assert len(compare("lock", {**full, canonicalize_name("stranger"): Version("1.0")}, needs)) == 1
