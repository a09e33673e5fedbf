"""The lock's lines that a distribution's closure needs."""

import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from slipway.platform.runs.code.lock import closure_of, departures, lock_part

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Distributions that are nothing but their metadata."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    closure_of.cache_clear()

    def run(name: str, version: str, *requires: str, extras: tuple[str, ...] = ()) -> None:
        folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {one}" for one in requires)]
        lines += [f"Provides-Extra: {extra}" for extra in extras]
        (folder / "METADATA").write_text("\n".join(["Metadata-Version: 2.4", *lines]) + "\n")

    return run


@pytest.fixture
def installed(install: Install) -> None:
    install("top", "1.0", "Left_Side>=1", "right[fast]; python_version >= '3.8'", "never; python_version < '3'")
    install("left-side", "1.5", "deep", "slipway-other")
    install("right", "2.0", "plain", "quick; extra == 'fast'", "slow; extra == 'thorough'", extras=("fast", "thorough"))
    install("slipway-other", "0.1", "through-ours")
    for name in ("deep", "plain", "quick", "slow", "never", "through-ours"):
        install(name, "3.0+cpu")


@pytest.mark.usefixtures("installed")
def test_markers_extras_and_our_own_distributions_are_followed(tmp_path: Path) -> None:
    assert lock_part(tmp_path, ["top"]) == (
        "deep==3.0+cpu",
        "left-side==1.5",
        "plain==3.0+cpu",
        "quick==3.0+cpu",
        "right==2.0",
        "through-ours==3.0+cpu",
        "top==1.0",
    )


@pytest.mark.usefixtures("installed")
def test_the_lock_decides_and_what_is_not_in_the_closure_does_not_count(tmp_path: Path) -> None:
    hashed = "left_side==1.5 \\\n    --hash=sha256:00"
    lines = ["# made by a tool", "Deep==3.1 ; python_version > '3'", hashed, "slow==9", "other==1"]
    (tmp_path / "requirements.lock").write_text("\n".join(lines))
    found = lock_part(tmp_path, ["top"])
    assert "deep==3.1" in found
    assert "left-side==1.5" in found
    assert not [line for line in found if line.startswith(("slow", "other"))]
    assert departures(found) == ("deep: 3.1 in the lock, 3.0+cpu here",)


@pytest.mark.usefixtures("installed")
def test_a_local_suffix_is_no_departure_and_a_missing_distribution_is() -> None:
    assert departures(["deep==3.0", "absent==1"]) == ("absent: 1 in the lock, not installed here",)


def test_what_training_needs_is_in_it(tmp_path: Path) -> None:
    closure_of.cache_clear()
    found = lock_part(tmp_path)
    assert f"numpy=={version('numpy')}" in found
    assert not [line for line in found if line.startswith("slipway")]
    assert sorted(found) == list(found)
    assert "pytest" not in {line.partition("==")[0] for line in found}, sys.version
