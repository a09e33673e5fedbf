"""The drill: a history is copied while somebody writes it, lost, and put back in another place."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from commanding import commanding
from kept_history import MODEL, Keeper, settings

Call = Callable[..., Any]


@dataclass(frozen=True)
class Other:
    """A place for commands."""

    root: Path
    environ: dict[str, str]


@contextmanager
def calling() -> Iterator[Call]:
    """`slipway` in a project, with its answer as data; a project that is not there is begun empty."""
    with pytest.MonkeyPatch.context() as patch:

        def run(root: Path, environ: dict[str, str], *words: str, code: int = 0) -> Any:
            root.mkdir(exist_ok=True)
            (root / "slipway.toml").touch()
            got, out, err = commanding(Other(root, environ), patch, "ada")(*words)
            assert got == code, out + err
            return json.loads(out) if "--json" in words and not code else out + err

        yield run


@contextmanager
def writing(keeper: Keeper) -> Iterator["subprocess.Popen[str]"]:
    """Somebody else goes on with the history, in a process of its own."""
    task = json.dumps({"folder": str(keeper.folder), "environ": keeper.environ})
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(Path(__file__).with_name("writer.py")), task]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            assert child.stdin is not None
            child.stdin.close()
            assert child.wait(60) == 0


def turn_of(child: "subprocess.Popen[str]") -> int:
    """The next one that it has done."""
    assert child.stdout is not None
    return int(child.stdout.readline())


def drill(call: Call, folder: Path, here: dict[str, str], there: dict[str, str], dest: str) -> Keeper:
    """From a history to the same in another place; what is there in the end."""
    root, other = folder / "project", folder / "elsewhere"
    keeper = Keeper(root, settings(root, **here), MODEL)
    keeper.turn("a")
    with writing(keeper) as child:
        turn_of(child)
        first = call(root, keeper.environ, "backup", dest, "--json")
        while turn_of(child) < 3:
            pass
    before = keeper.holds()
    champion, devices = keeper.standing().champion, keeper.devices()
    second = call(root, keeper.environ, "backup", dest, "--json")
    assert second["new"]["objects"] > 0
    dumps = "SLIPWAY_FLEET__DATABASE" in here
    again = call(root, keeper.environ, "backup", dest, "--json")
    assert again["new"]["objects"] <= dumps, "a server's dump is another each time, and nothing else"
    assert "is whole" in call(root, keeper.environ, "backup", dest, "--verify")
    shutil.rmtree(root)

    environ = settings(other, **there)
    call(other, environ, "restore", dest, "--at", first["backup"], "--json")
    underway = Keeper(other, environ, MODEL)
    assert 1 <= underway.holds() <= before
    call(other, environ, "restore", dest, code=2)
    call(other, environ, "restore", dest, "--yes")

    restored = Keeper(other, environ, MODEL)
    assert restored.holds() == before
    assert restored.standing().champion == champion
    assert restored.devices() == devices
    assert "entries" in call(other, environ, "ledger", "verify")
    assert "promote by cleo" in call(other, environ, "lineage", f"{MODEL}@champion")
    return restored
