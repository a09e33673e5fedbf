"""What a target cannot run is refused before anything is written, and the error names what it can."""

from pathlib import Path
from typing import Any

import pytest

from slipway.platform.errors import WrongUse
from slipway.platform.jobs.targets import check_request, named_target
from slipway.platform.settings.schema import Jobs, Settings, Target


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    (folder / "token").touch(mode=0o600)
    (folder / "token").write_text("x\n")
    targets = {
        "local": Target(secrets={"TOKEN": "token", "FAR": "name/key"}, max_nodes=4),
        "gpu-l4": Target(launcher="kubernetes", gpus=1, secrets={"HUB": "hub/token"}),
        "box": Target(gpus=2),
    }
    return Settings(targets=targets, jobs=Jobs(secrets=folder))


def test_an_unknown_target_is_refused_with_those_that_exist(settings: Settings) -> None:
    with pytest.raises(WrongUse, match="no target `gpu-l5`; this context has `box`, `gpu-l4`, `local`") as refused:
        named_target("gpu-l5", settings)
    assert "Did you mean `gpu-l4`?" in (refused.value.mend or "")


@pytest.mark.parametrize(
    ("name", "asked", "words"),
    [
        pytest.param("local", {"nodes": 5, "processes": 5}, "`local` has 4 at most", id="nodes"),
        pytest.param("local", {"nodes": 0}, "expected one or more", id="no-node"),
        pytest.param("local", {"nodes": 2, "processes": 3}, "3 processes cannot be shared", id="processes"),
        pytest.param("local", {"secrets": ["TOKENS"]}, "knows no secret `TOKENS`", id="secret"),
        pytest.param("local", {"secrets": ["FAR"]}, "expected the name of a file", id="place-of-a-secret"),
        pytest.param("box", {"nodes": 2, "processes": 2}, "need 4 GPUs together; this machine has 3", id="gpus"),
    ],
)
def test_what_a_target_cannot_run_is_refused(settings: Settings, name: str, asked: Any, words: str) -> None:
    with pytest.raises(WrongUse, match=words) as refused:
        check_request(name, settings, devices=lambda: 3, **asked)
    assert refused.value.mend


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        pytest.param("local", {"nodes": 2, "processes": 4, "secrets": ["TOKEN"]}, id="local"),
        pytest.param("box", {}, id="gpus"),
        pytest.param("gpu-l4", {"nodes": 8, "processes": 8, "secrets": ["HUB"]}, id="kubernetes"),
    ],
)
def test_what_a_target_can_run_is_let_through(settings: Settings, name: str, asked: Any) -> None:
    assert check_request(name, settings, devices=lambda: 3, **asked) is settings.targets[name]
