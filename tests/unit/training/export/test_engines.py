"""Trying engines: a stand-in for the module in a real process that may fail, crash, hang or want too much."""

import json
from pathlib import Path
from typing import Final

import pytest

import small_onnx
import stand_in_gpu
from slipway.serving.bundle.contract import Contract
from slipway.serving.bundle.manifest import Engine
from slipway.serving.runtime.tensorrt.asking import Limits
from slipway.training.export.engines import Engines
from slipway.training.export.wanted import Maker

CONTRACT: Final = Contract.model_validate(
    {
        "inputs": [{"name": "images", "dims": ["batch", 3, 8, 8]}],
        "outputs": [{"name": "scores", "dims": ["batch", 2], "meaning": "x"}],
        "dims": {"batch": {"least": 1, "usual": 4, "most": 16}},
    }
)


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> Maker:
    """A module that children find as well."""
    monkeypatch.setenv("PYTHONPATH", str(stand_in_gpu.MODULES))
    return Maker(module="tensorrt", version="10.3.0")


def tried(maker: Maker, tmp_path: Path, model: bytes, **limits: float) -> Engine:
    path = tmp_path / "model.onnx"
    path.write_bytes(model)
    return Engines(maker, CONTRACT, limits=Limits(limits.get("seconds", 60.0), 2048)).try_one(path)


def test_an_engine_is_made_for_the_contracts_sizes_and_kept_where_it_is_wanted(maker: Maker, tmp_path: Path) -> None:
    model, keep = tmp_path / "model.onnx", tmp_path / "engine"
    model.write_bytes(small_onnx.classifier(size=8).SerializeToString())

    found = Engines(maker, CONTRACT).try_one(model, keep)

    assert found == Engine(tensorrt="tensorrt 10.3.0", built=True)
    assert json.loads(keep.read_bytes()[4:])["profile"] == {"images": [[1, 3, 8, 8], [4, 3, 8, 8], [16, 3, 8, 8]]}


def test_every_error_of_the_parser_is_told_with_its_node(maker: Maker, tmp_path: Path) -> None:
    found = tried(maker, tmp_path, b"wrong:Unknown operator.:Bad type.")

    assert not found.built
    assert found.problems == ("Conv_3: Unknown operator.", "Conv_3: Bad type.")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (b"none", "No kernel fits."),
        (b"raise", "RuntimeError: not on this machine"),
        (b"crash", "The process was ended by SIGABRT."),
        (b"memory", "It wanted more than 2,147,483,648 bytes of memory."),
    ],
)
def test_a_builder_that_fails_costs_the_export_nothing_but_the_engine(
    maker: Maker, tmp_path: Path, model: bytes, said: str
) -> None:
    assert tried(maker, tmp_path, model) == Engine(tensorrt=maker.told, built=False, problems=(said,))


def test_a_builder_that_hangs_is_ended_after_its_time(maker: Maker, tmp_path: Path) -> None:
    found = tried(maker, tmp_path, b"hang", seconds=4.0)

    assert found.problems == ("It took longer than 4 s and was ended.",)
