"""The bench of a GPU, run on a processor with small networks: it works; how fast anything is does not matter here."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import bench_gpu
from gpu_device import Busy, Stopwatch, listed_peak
from gpu_pictures import write_pictures
from harness import Outcome, measure

pytestmark = pytest.mark.timeout(240)

RUN = Path(bench_gpu.__file__).with_name("run.py")
MODELS = ["bay-occupancy", "vehicle-detect", "vehicle-reid"]
REFUSED = {
    "_adaptive_avg_pool2d_backward", "_adaptive_avg_pool3d_backward", "adaptive_max_pool2d_backward",
    "avg_pool3d_backward", "fractional_max_pool2d_backward", "fractional_max_pool3d_backward", "max_unpool2d",
    "max_unpool3d", "upsample_linear1d_backward", "upsample_bilinear2d_backward", "upsample_bicubic2d_backward",
    "upsample_trilinear3d_backward", "reflection_pad1d_backward", "reflection_pad2d_backward",
    "reflection_pad3d_backward", "max_pool2d_with_indices_backward", "nll_loss2d_forward", "nll_loss2d_backward",
    "_ctc_loss_backward", "put", "histc", "bincount", "median", "grid_sampler_2d_backward",
    "grid_sampler_3d_backward", "float_cumsum", "kthvalue",
}  # fmt: skip
"""What raises on a GPU where torch is to compute the same way every time."""


class Called(TorchDispatchMode):
    """Notes which operations are called, forward and backward; a sum that runs along floats has a name of its own."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> object:
        name = func.overloadpacket.__name__.removesuffix("_")
        floats = bool(args) and isinstance(args[0], torch.Tensor) and args[0].is_floating_point()
        self.names.add(f"float_{name}" if name == "cumsum" and floats else name)
        return func(*args, **(kwargs or {}))


@pytest.fixture(scope="module")
def outcomes() -> Iterator[list[Outcome]]:
    """Every pair, measured once."""
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(bench_gpu.CUBLAS, ":4096:8")
        with bench_gpu.pairs("cpu") as pairs:
            yield [measure(pair, progress=lambda _: None, rounds=1) for pair in pairs]
    assert torch.get_num_threads() == threads


def test_every_shipped_model_has_its_step_and_its_data_measured(outcomes: list[Outcome]) -> None:
    assert [one.name.split()[0] for one in outcomes] == [model for model in MODELS for _ in range(2)]
    assert [one.goal for one in outcomes[:2]] == [1 / 0.98, 1.0]
    assert all(min(*one.ours.values, *one.reference.values) > 0 for one in outcomes)


def test_images_waiting_and_flops_stand_beside_each_step(outcomes: list[Outcome]) -> None:
    for step in outcomes[::2]:
        found = step.figures
        batch = int(step.name.split("batches of ")[1].split(":")[0])
        assert found["images a second"] == pytest.approx(batch / step.ours.median * 1000, rel=1e-6)
        waiting, flops = found["waiting for data, share of the time"], found["model TFLOP a step"]
        assert isinstance(waiting, float)
        assert isinstance(flops, float)
        assert 0 <= waiting < 1
        assert flops > 0
        assert found["GPU busy, per cent"] is None
        assert found["share of the peak"] is None
    assert [one.figures for one in outcomes[1::2]] == [{}] * len(MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_no_model_does_what_torch_refuses_to_do_exactly_on_a_gpu(model: str, tmp_path: Path) -> None:
    write_pictures(tmp_path / "data", bench_gpu.PROCESSOR.amounts)
    bench = bench_gpu.Bench(model, bench_gpu.PROCESSOR, torch.device("cpu"), tmp_path, None)
    with Called() as called:
        next(bench._plain_steps())
    assert "convolution_backward" in called.names
    assert called.names & REFUSED == set()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device, and it would be measured")
def test_without_a_gpu_it_says_so_in_one_line_and_is_no_failure() -> None:
    done = subprocess.run([sys.executable, RUN, "--gpu"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "bench-gpu: torch finds no CUDA device here; nothing is measured.\n"


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA A100-SXM4-40GB", 312),
        ("NVIDIA L4", 121),
        ("NVIDIA L40S", 362),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", None),
        ("NVIDIA GeForce RTX 2080", None),
    ],
)
def test_a_peak_is_that_of_the_device_of_this_name(name: str, peak: float | None) -> None:
    assert listed_peak(name) == peak


def test_a_watch_counts_waiting_only_while_it_counts() -> None:
    watch = Stopwatch(torch.device("cpu"))
    with watch.waiting():
        pass
    assert (watch.seconds, watch.waited) == (0, 0)
    with watch.counting(), watch.waiting():
        pass
    assert 0 < watch.waited <= watch.seconds
    assert watch() == watch.seconds


def test_how_busy_a_device_was_is_the_mean_of_what_was_sampled_meanwhile() -> None:
    busy = Busy([(1.0, 0.0), (2.0, 80.0), (3.0, 100.0), (4.0, 0.0)])
    assert busy.between(1.5, 3.5) == 90
    assert busy.between(5, 6) is None
