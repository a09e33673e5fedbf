"""The options of cameras: what they mean, and what is refused before anything begins."""

import argparse
import shlex
from pathlib import Path

import pytest

from slipway.serving.edge.cli import Parser, main
from slipway.serving.edge.streams import command
from slipway.serving.edge.streams.roles import roles_of
from slipway.serving.edge.streams.running import Camera
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.live import LoadedModel
from slipway.serving.runtime.live_model import LiveModel
from small_onnx import bundle, detecting


def options(text: str) -> argparse.Namespace:
    parser = Parser(prog="slipway-edge run")
    command.arguments(parser)
    return parser.parse_args(shlex.split(text))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LoadedModel]:
    folder = tmp_path_factory.mktemp("bundles")
    return {
        "finds": detecting.loaded(detecting.detector(folder / "detect")),
        "tells": detecting.loaded(detecting.embedder(folder / "embed")),
        "bays": detecting.loaded(bundle(folder / "bays")),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("--detect a", "--detect means nothing without a camera"),
        ("--bundle a", "--bundle means nothing without a camera"),
        ("--camera a=b --model m --detect d", "--model is one model alone"),
        ("--camera a=b --fps 0", "--fps is a number from 0.001 to 240; found 0"),
        ("--camera a=b --fps nan", "--fps is a number"),
        ("--camera a=b --embed e", "--embed looks at the boxes"),
    ],
)
def test_contradictions_are_refused(text: str, said: str) -> None:
    with pytest.raises(WrongUse, match=said):
        command.check(options(text))


def test_what_streams_write_may_be_said_where_a_site_may_configure_some() -> None:
    for text in ("--events e", "--vectors", "--empty", "--decisions d"):
        command.check(options(text))
        with pytest.raises(WrongUse, match="means nothing without a camera"):
            command.check_without_site(options(text))
    command.check_without_site(options("--camera a=b --events e"))


def test_roles_are_found_by_the_contracts_or_named(models: dict[str, LoadedModel]) -> None:
    lives = {name: LiveModel(one) for name, one in models.items()}
    two = {name: lives[name] for name in ("tells", "finds")}
    found = roles_of(two)
    assert (found.first, found.boxes) == (lives["finds"], lives["tells"])
    assert roles_of({"bays": lives["bays"]}).first is lives["bays"]
    named = roles_of(lives, detect="finds", embed="bays")
    assert (named.first, named.boxes) == (lives["finds"], lives["bays"])
    assert roles_of(lives, model="bays").boxes is None
    with pytest.raises(WrongUse, match="which one looks at the frames"):
        roles_of(lives)
    with pytest.raises(WrongUse, match="There is no model `tells-x` here"):
        roles_of(lives, model="tells-x")
    for live in lives.values():
        live.close()


def test_areas_belong_to_their_cameras() -> None:
    found = command.cameras_of(["lot=a", "gate=b"], ["lot/bay-1=0,1,2.5,3", "lot/bay 2=5,5,6,6"])
    assert found == [Camera("lot", "a", {"bay-1": (0, 1, 2.5, 3), "bay 2": (5, 5, 6, 6)}), Camera("gate", "b")]


@pytest.mark.parametrize(
    ("area", "said"),
    [
        ("lot/a=1,2,3", "is no area; expected"),
        ("lot/a=3,2,1,4", "is no area; expected"),
        ("lot=1,2,3,4", "is no area; expected"),
        ("gate/a=1,2,3,4", "is of no camera here"),
        ("lot/a=1,2,3,nan", "is no area; expected"),
    ],
)
def test_what_is_no_area_is_refused(area: str, said: str) -> None:
    with pytest.raises(WrongUse, match=said):
        command.cameras_of(["lot=a"], [area])


def test_a_decision_that_is_not_here_is_told_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decision", "20261129T004613123456Z.gate.0a722281.q7k2m9", "--decisions", str(tmp_path)]) == 1
    assert "taken at 2026-11-29 00:46:13 UTC on the device gate by the bundle 0a722281" in capsys.readouterr().err
    assert main(["decision", "nonsense", "--decisions", str(tmp_path)]) == 2
    assert list(tmp_path.iterdir()) == []
