"""Where nodes went: a graph that fell to the processor is found, whatever the runtime says that it uses."""

import errno
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

import small_onnx
from slipway.serving.runtime import placing
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.onnx_runtime import NAMES, OnnxRuntimeSession
from slipway.serving.runtime.placing import ASKED, RECORD, counted, nodes_of, open_placed
from slipway.serving.runtime.session import Provider

CPU, CUDA, TENSORRT = NAMES["cpu"], NAMES["cuda"], NAMES["tensorrt"]


def opened(data: bytes) -> Callable[[Any], Any]:
    return lambda options: onnxruntime.InferenceSession(data, options, providers=[CPU])


@pytest.mark.parametrize("tells", [True, False], ids=["told", "profiled"])
def test_a_real_session_tells_where_its_nodes_went(
    tells: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if not tells:
        monkeypatch.setattr(placing, "_can_tell", lambda: False)
    elif not hasattr(onnxruntime.InferenceSession, ASKED):
        pytest.skip("this runtime cannot tell")
    monkeypatch.chdir(tmp_path)
    inputs = {"images": small_onnx.images()}
    data = small_onnx.classifier().SerializeToString()
    session, counts = open_placed(opened(data), onnxruntime.SessionOptions(), inputs, data)
    assert counts == {CPU: 3}
    assert len(session.run(None, inputs)) == 1
    assert not list(tmp_path.iterdir())


class Torn:
    """A session whose profile the disk did not take whole."""

    def __init__(self, path: Path, data: bytes | None) -> None:
        self._path = path
        if data is not None:
            path.write_bytes(data)

    def run(self, *_: object) -> None:
        """Nothing is answered."""

    def end_profiling(self) -> str:
        return str(self._path)


@pytest.mark.parametrize("data", [None, b"", b'[{"cat": "Node",'])
def test_a_profile_that_a_full_disk_did_not_take_says_nothing_of_the_model(
    data: bytes | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(placing, "_can_tell", lambda: False)
    session = Torn(tmp_path / "profile.json", data)
    with pytest.raises(OSError, match="is not whole") as caught:
        open_placed(lambda _: session, onnxruntime.SessionOptions(), {}, b"")
    assert caught.value.errno == errno.ENOSPC


class Part:
    """Nodes that one provider was given."""

    def __init__(self, name: str, nodes: int) -> None:
        self.ep_name, self._nodes = name, nodes

    def get_nodes(self) -> list[str]:
        return ["node"] * self._nodes


def ran(provider: str, *operators: str) -> list[dict[str, Any]]:
    """Events of a profile: what ran each node, in two runs."""
    return [
        {
            "cat": "Node",
            "name": f"{operator}_{index}_kernel_time",
            "args": {"op_name": operator, "provider": provider, "node_index": str(index)},
        }
        for _ in range(2)
        for index, operator in enumerate(operators)
    ]


LOADED: list[dict[str, Any]] = [
    {"cat": "Session", "name": "model_loading_array", "args": {}},
    {"cat": "Session", "name": "model_run"},
]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (ran(TENSORRT, "TRTKernel_graph_main_0"), {TENSORRT: 61}),
        (ran(TENSORRT, "TRTKernel_graph_main_0") + ran(CUDA, "Resize", "TopK"), {TENSORRT: 59, CUDA: 2}),
        (ran(TENSORRT, "TRTKernel_0", "TRTKernel_1") + ran(CUDA, "TopK") + ran(CPU, "Shape"), {TENSORRT: 59}),
        (ran(TENSORRT, "TRTKernel_0") + ran(CUDA, *["Conv"] * 40), {CUDA: 40, TENSORRT: 21}),
        (ran(TENSORRT, "TRTKernel_0") + ran(CPU, *["FusedConv"] * 70), {CPU: 70, TENSORRT: 1}),
        (ran(CUDA, *["Conv"] * 50, "MemcpyToHost") + ran(CPU, *["Shape"] * 11), {CUDA: 50, CPU: 11}),
        (ran(CPU, *["FusedConv"] * 45), {CPU: 45}),
        ([], {}),
    ],
    ids=["whole", "all but two", "in parts", "less than half", "hardly any", "cuda", "fell", "nothing"],
)
def test_a_part_that_tensorrt_took_counts_as_what_ran_nowhere_else(
    events: list[dict[str, Any]], expected: dict[str, int]
) -> None:
    found = counted(LOADED + events, 61)
    assert found.most_common(1) == list(expected.items())[:1]
    assert expected.items() <= found.items()


def test_a_graphs_nodes_are_those_that_something_runs() -> None:
    assert nodes_of(small_onnx.classifier().SerializeToString()) == 3


Opening = Callable[..., OnnxRuntimeSession]


@pytest.fixture
def opening(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Opening:
    """Opens the classifier with a runtime that says it has every provider, and gives nodes to some of them."""
    path = tmp_path / "model.onnx"
    path.write_bytes(small_onnx.classifier().SerializeToString())
    real = onnxruntime.InferenceSession

    def opened(provider: Provider, *parts: Part) -> OnnxRuntimeSession:
        class Session:
            def __init__(self, data: bytes, options: Any, providers: Any) -> None:
                self._real = real(data, providers=[CPU])
                assert options.get_session_config_entry(RECORD) == "1"
                assert providers[0][0] == NAMES[provider]

            def get_provider_graph_assignment_info(self) -> Sequence[Part]:
                return parts

            def disable_fallback(self) -> None:
                """It is one."""

            def __getattr__(self, name: str) -> Any:
                return getattr(self._real, name)

        monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: list(NAMES.values()))
        try:
            return OnnxRuntimeSession(path, small_onnx.CONTRACT, provider=provider, threads=1)
        finally:
            monkeypatch.undo()

    return opened


def test_a_graph_on_the_device_is_told_with_what_helps_it(opening: Opening) -> None:
    assert opening("cuda", Part(CPU, 1), Part(CUDA, 2)).providers == ["cuda", "cpu"]
    assert opening("cuda", Part(CUDA, 3)).providers == ["cuda"]
    found = opening("tensorrt", Part(TENSORRT, 3), Part(CUDA, 1))
    assert found.providers == ["tensorrt", "cuda"]


def test_a_silent_fall_is_found(opening: Opening) -> None:
    with pytest.raises(ModelUnfit, match="was to run on `cuda`, and 3 of its 3 nodes fell to CPUExecutionProvider"):
        opening("cuda", Part(CPU, 3))
    with pytest.raises(ModelUnfit, match="was to run on `tensorrt`, and 2 of its 3 nodes fell to CUDA"):
        opening("tensorrt", Part(TENSORRT, 1), Part(CUDA, 2))
    with pytest.raises(ModelUnfit, match="0 of its 0 nodes fell to nothing"):
        opening("cuda")
