"""A snapshot that can be made again is made again, and must be the same."""

from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.data import sources
from slipway.platform.data.snapshot import Snapshot

NAME = "world:small@1"


class Small:
    """A source of one tiny snapshot."""

    def __init__(self, fill: Callable[..., Any]) -> None:
        self.fill = fill
        self.numbers = range(8)

    def names(self) -> Sequence[str]:
        return [NAME]

    def make(self, name: str, target: Path, progress: Callable[[str], None]) -> None:
        progress(f"making {name}")
        self.fill(target, self.numbers, source=name)


@pytest.fixture
def source(scratch: Any, monkeypatch: pytest.MonkeyPatch) -> Small:
    made = Small(
        lambda target, numbers, source: type(scratch)(target.parent, scratch.home).fill(numbers, source=source)
    )
    monkeypatch.setattr(sources, "entry_points", lambda group: [Point("small", "nowhere", group)])

    class Point(EntryPoint):
        def load(self) -> Small:
            return made

    return made


def test_a_clone_renders_what_no_remote_has(scratch: Any, source: Small, clone: Callable[[], Any]) -> None:
    digest = scratch.fill(source.numbers, source=NAME).digest
    scratch.fine("commit")
    assert f"source: {NAME}" in (scratch.root / "data.dvc").read_text()
    scratch.commit_all()
    other = clone()
    done = other.slipway("pull")
    assert done.returncode == 0, done.stderr
    assert f"making {NAME}" in done.stderr
    assert Snapshot(other.data).digest == digest
    assert not list(Snapshot(other.data).verify())
    assert not list((other.root / ".slipway/cache/incoming").iterdir())
    assert other.git("status", "--porcelain") == ""
    other.fine("push")
    assert "up to date" in other.dvc("status")
    assert "in sync" in other.dvc("status", "--cloud")


def test_a_rendering_that_differs_is_refused_and_said_where(
    scratch: Any, source: Small, clone: Callable[[], Any]
) -> None:
    scratch.fill(source.numbers, source=NAME)
    scratch.fine("commit")
    scratch.commit_all()
    source.numbers = range(9)
    scratch.run("rm", "-r", "data", ".slipway/cache")
    done = scratch.slipway("pull")
    assert done.returncode == 1
    assert f"`{NAME}` made again gives snapshot" in done.stderr
    assert "They differ in boxes.parquet" in done.stderr
    assert not scratch.data.exists()
    other = clone()  # which knows only the digest
    assert "expected." in other.slipway("pull").stderr


def test_a_source_that_is_not_installed_is_named(scratch: Any, source: Small) -> None:
    scratch.fill(source.numbers, source="world:smal@1")
    scratch.fine("commit")
    scratch.run("rm", "-r", "data", ".slipway/cache")
    done = scratch.slipway("pull")
    assert done.returncode == 1
    assert "Nothing that is installed here makes `world:smal@1`" in done.stderr
    assert f"Did you mean `{NAME}`?" in done.stderr


def test_what_was_added_to_a_rendering_has_no_source(scratch: Any, source: Small) -> None:
    scratch.fill(source.numbers, source=NAME)
    scratch.add([20])
    scratch.fine("commit")
    assert "source:" not in (scratch.root / "data.dvc").read_text()


def test_the_world_that_ships_with_the_project_is_rendered_on_a_clone(scratch: Any, clone: Callable[[], Any]) -> None:
    installed = sources.installed_sources()
    name = next(name for source in installed for name in source.names() if name.startswith("world:tiny@"))
    sources.find_source(name).make(name, scratch.data, lambda _: None)
    scratch.fine("commit")
    scratch.commit_all()
    scratch.run("rm", "-r", ".slipway")
    other = clone()
    other.fine("pull")
    assert Snapshot(other.data).digest == Snapshot(scratch.data).digest
    assert not list(Snapshot(other.data).verify())
