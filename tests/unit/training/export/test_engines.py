"""Trying engines: a stand-in for the module in a real process that may fail, crash, hang or want too much."""

from pathlib import Path
from typing import Final

import pytest

from slipway.serving.bundle.contract import Contract
from slipway.serving.bundle.manifest import Engine
from slipway.training.export.tensorrt.building import Sizes, build
from slipway.training.export.tensorrt.engines import Engines, Limits, profiles
from slipway.training.export.tensorrt.module import load_module
from slipway.training.export.wanted import Maker

STAND_IN: Final = """
import os, time
__version__ = "10.3.0"
class ILogger:
    def __init__(self): pass
class Severity:
    name = "ERROR"
class NetworkDefinitionCreationFlag:
    STRONGLY_TYPED = 1
class Network:
    pass
class Profile:
    def __init__(self): self.shapes = {}
    def set_shape(self, name, *shapes): self.shapes[name] = shapes
class Cache:
    def __init__(self, known): self.known = known
    def serialize(self): return self.known + b"measured;"
class Config:
    def add_optimization_profile(self, profile): self.profile = profile; return 0
    def create_timing_cache(self, known): return Cache(known)
    def set_timing_cache(self, cache, mismatch): self.cache = cache
    def get_timing_cache(self): return self.cache
class Wrong:
    def __init__(self, text): self.text = text
    def desc(self): return self.text
    def node_name(self): return "Conv_3"
class OnnxParser:
    def __init__(self, network, logger): self.errors = []; self.network = network
    def parse(self, model):
        self.network.model = model
        if model.startswith(b"wrong"): self.errors = [Wrong(one) for one in model.decode().split(":")[1:]]
        return not self.errors
    num_errors = property(lambda self: len(self.errors))
    def get_error(self, index): return self.errors[index]
class Builder:
    def __init__(self, logger): self.logger = logger
    def create_network(self, flags): assert flags == 2, flags; return Network()
    def create_builder_config(self): return Config()
    def create_optimization_profile(self): return Profile()
    def build_serialized_network(self, network, config):
        if network.model == b"none": self.logger.log(Severity(), "No kernel fits."); return None
        if network.model == b"raise": raise RuntimeError("not on this machine")
        if network.model == b"crash": os.abort()
        if network.model == b"hang": time.sleep(600)
        if network.model == b"memory": bytearray(3 << 30)
        return repr((network.model, config.profile.shapes)).encode()
"""
CONTRACT: Final = Contract.model_validate(
    {
        "inputs": [{"name": "images", "dims": ["batch", 3, 8, 8]}],
        "outputs": [{"name": "scores", "dims": ["batch", 2], "meaning": "x"}],
        "dims": {"batch": {"least": 1, "usual": 4, "most": 16}},
    }
)


@pytest.fixture
def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Maker:
    """A module that children find as well."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "tensorrt_stand_in.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(tmp_path / "modules")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    return Maker(module="tensorrt_stand_in", version="10.3.0")


def tried(maker: Maker, tmp_path: Path, model: bytes, **limits: float) -> Engine:
    path = tmp_path / "model.onnx"
    path.write_bytes(model)
    memory = int(limits.get("memory", 2 << 30))
    return Engines(maker, CONTRACT, limits=Limits(limits.get("seconds", 60.0), memory)).try_one(path)


def test_an_engine_is_made_for_the_contracts_sizes_and_kept_where_it_is_wanted(maker: Maker, tmp_path: Path) -> None:
    model, keep = tmp_path / "model.onnx", tmp_path / "engine"
    model.write_bytes(b"fine")

    found = Engines(maker, CONTRACT).try_one(model, keep)

    assert found == Engine(tensorrt="tensorrt_stand_in 10.3.0", built=True)
    assert keep.read_text() == repr((b"fine", {"images": ((1, 3, 8, 8), (4, 3, 8, 8), (16, 3, 8, 8))}))


def test_every_error_of_the_parser_is_told_with_its_node(maker: Maker, tmp_path: Path) -> None:
    found = tried(maker, tmp_path, b"wrong:Unknown operator.:Bad type.")

    assert not found.built
    assert found.problems == ("Conv_3: Unknown operator.", "Conv_3: Bad type.")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (b"none", "No kernel fits."),
        (b"raise", "RuntimeError: not on this machine"),
        (b"crash", "The builder was ended by SIGABRT."),
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


def test_what_was_measured_is_kept_for_the_next_engine(maker: Maker, tmp_path: Path) -> None:
    module, timing = load_module(maker.module), tmp_path / "cache" / "timing"
    sizes = {name: Sizes(one.least, one.usual, one.most) for name, one in profiles(CONTRACT).items()}

    for _ in range(2):
        assert build(module, b"fine", sizes, timing).done

    assert timing.read_bytes() == b"measured;measured;"
    assert [path.name for path in timing.parent.iterdir()] == ["timing"]
