"""The child: equal bytes from two processes, and failures that are told."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save_file

from slipway.platform.runs.journal import events
from slipway.platform.runs.workplace import Failure, Summary, Workplace

Bench = Any
"""`conftest.Bench`."""
Start = Callable[[Workplace, str], Any]


def digests(workplace: Workplace) -> dict[str, str]:
    """All files of the result but the summary, which says how long it took."""
    paths = [path for path in workplace.results.iterdir() if path != workplace.summary]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def output(**changes: Any) -> dict[str, Any]:
    """A promise about the one head."""
    return {"name": "logits", "dims": ["batch", 2], "meaning": "what it says", **changes}


def noted(workplace: Workplace) -> Failure:
    return Failure.model_validate_json(workplace.failure.read_bytes())


def test_two_processes_in_two_folders_write_the_same_bytes(bench: Bench, start: Start, tmp_path: Path) -> None:
    first, second = bench.order(tmp_path / "one"), bench.order(tmp_path / "elsewhere" / "two")
    started = [start(first, "1"), start(second, "2")]
    for child in started:
        errors = child.communicate()[1]
        assert child.returncode == 0, errors

    assert digests(first) == digests(second)
    assert len(digests(first)) == len(("manifest", "golden", "reference", *("fp32", "fp16", "int8-cpu", "int8-trt")))
    summary = Summary.model_validate_json(first.summary.read_bytes())
    assert summary.metrics["fp16/megabytes"] < summary.metrics["fp32/megabytes"]
    told = [event for event, _ in events(first.journal) if event["kind"] == "progress"]
    assert [one["step"] for one in told] == list(range(told[0]["steps"]))


def test_weights_of_another_network_are_refused_and_told(bench: Bench, tmp_path: Path) -> None:
    from slipway.training.export.main import main

    foreign = tmp_path / "foreign.safetensors"
    save_file({"network.score.weight": next(bench.network.parameters()).detach().clone()}, foreign)
    workplace = bench.order(tmp_path / "place", weights=foreign)

    assert main(workplace.folder) == 1

    failure = noted(workplace)
    assert "The weights are not those of the network that the config describes: `backbone." in failure.error
    assert failure.mend.startswith("Export the run with the code that it was trained with")
    assert not workplace.summary.exists()


def test_another_tensorrt_than_the_work_was_named_with_is_refused(bench: Bench, tmp_path: Path) -> None:
    from slipway.training.export.main import main
    from slipway.training.export.wanted import Maker

    wanted = bench.wanted(tensorrt=Maker(module="tensorrt", version="0.1"))
    workplace = bench.order(tmp_path / "place", wanted)

    assert main(workplace.folder) == 1
    assert "The export was named with tensorrt 0.1; here is " in noted(workplace).error


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"inputs": [{"name": "images", "dims": ["batch", 3, 96, 64]}]}, "looks at uint8 images [3, 64, 64]"),
        ({"outputs": [output(name="vector")]}, "no head `vector`; it has `logits`"),
        ({"outputs": [output(dims=["batch", 5])]}, "`logits` is ['batch', 2] in the graph"),
        ({"outputs": [output(dtype="float16")]}, "heads are float32"),
    ],
)
def test_a_network_that_does_not_keep_to_the_contract_is_refused(
    bench: Bench, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    from slipway.training.export.main import main

    wanted = bench.wanted()
    contract = {**wanted.export.model_dump(mode="json"), **change}
    workplace = bench.order(tmp_path / "place", bench.wanted(export=contract))

    assert main(workplace.folder) == 1
    assert said in noted(workplace).error
    assert "the contract" in noted(workplace).mend
