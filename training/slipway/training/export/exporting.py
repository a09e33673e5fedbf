"""One export, from weights to a whole bundle in a folder.

1. the network, held against the contract       4. golden answers, by the device's runtime, and distributions
2. fp32, of which the others are made           5. engines, where there is a TensorRT
3. fp16 and INT8                                6. the manifest
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch

from slipway.platform.data.snapshot import Snapshot
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import CHECKPOINT, Calibration, Engine, Variant, VariantPart
from slipway.serving.bundle.writing import write_bundle
from slipway.serving.runtime.session import open_session
from slipway.training.export import choosing, golden, network, reference
from slipway.training.export.cleaning import to_bytes
from slipway.training.export.graph import OPSET, checked, to_onnx
from slipway.training.export.halving import halved
from slipway.training.export.network import Answers
from slipway.training.export.quantising import KINDS, Quantiser
from slipway.training.export.wanted import Wanted
from slipway.training.task import Examples, Task

TOOLS: Final = ("torch", "onnx", "onnxscript", "onnxruntime", "numpy")
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Given:
    """What an export is made of."""

    wanted: Wanted
    model: str
    weights: Path
    snapshot: Snapshot
    engine: Callable[[Path], Engine] | None = None
    """Tries to make an engine of an ONNX file."""


@dataclass
class Exported:
    """What came of it."""

    bundle: Bundle
    metrics: dict[str, float] = field(default_factory=dict)


def export(given: Given, task: Task[Any], folder: Path, tell: Tell) -> Exported:
    """Make the bundle; `tell` hears what is being done."""
    torch.set_num_threads(given.wanted.trainer.threads)
    with tempfile.TemporaryDirectory(prefix="slipway-export-") as place:
        return _Export(given, task, Path(place), tell).done(folder)


class _Export:
    """One export."""

    def __init__(self, given: Given, task: Task[Any], place: Path, tell: Tell) -> None:
        self._given, self._task, self._place, self._tell = given, task, place, tell
        self._wanted = given.wanted
        self._contract = given.wanted.export
        self._names = [one.name for one in self._contract.outputs]
        self._files: dict[Variant, Path] = {}
        self._calibrations: dict[Variant, Calibration] = {}

    def done(self, folder: Path) -> Exported:
        """Everything in its order."""
        self._tell("network")
        training = self._task.examples(self._given.snapshot, "train")
        trained = network.trained(self._task, training, self._given.weights)
        network.check_contract(self._task, training, trained, self._contract)
        self._make(to_onnx(trained, self._contract), training)
        self._tell("golden")
        validation = self._task.examples(self._given.snapshot, "validation")
        rows = choosing.spread(validation, self._golden_rows, self._wanted.calibration.seed, "golden")
        inputs = choosing.pixels(validation, rows)
        checkpoint = network.answers(trained, inputs, self._names)
        answers = {variant: self._run(variant, inputs) for variant in self._files}
        parts = {
            variant: self._part(variant, golden.tolerances(variant, found, checkpoint))
            for variant, found in answers.items()
        }
        name = self._contract.inputs[0].name
        arrays: dict[str, Any] = {f"in.{name}": inputs}
        for who, found in ((CHECKPOINT, checkpoint), *answers.items()):
            arrays |= {f"{who}.{output}": answer for output, answer in found.items()}
        told = self._reference(validation)
        self._tell("manifest")
        bundle = write_bundle(
            folder,
            model=self._given.model,
            lineage=self._wanted.lineage,
            contract=self._contract,
            devices=self._wanted.devices,
            variants=parts,
            files={path.name: path for path in self._files.values()},
            golden=arrays,
            reference=told,
            tools={tool: version(tool).partition("+")[0] for tool in TOOLS},
        )
        return Exported(bundle, self._metrics(answers, checkpoint))

    def _make(self, model: onnx.ModelProto, training: Examples) -> None:
        """A file of each variant."""
        self._keep("fp32", model)
        if "fp16" in self._wanted.variants:
            self._keep("fp16", halved(model))
        if small := [variant for variant in self._wanted.variants if variant in KINDS]:
            self._quantise(model, training, small)

    def _quantise(self, model: onnx.ModelProto, training: Examples, variants: Sequence[Variant]) -> None:
        wanted = self._wanted.calibration
        rows = choosing.spread(training, wanted.rows, wanted.seed, "calibration")
        for variant in variants:
            self._calibrations[variant] = Calibration(
                snapshot=self._given.snapshot.digest,
                rows=len(rows),
                samples=choosing.digest(training, rows),
                method=KINDS[variant].told,
            )
        pixels = choosing.pixels(training, rows)
        with Quantiser(model, pixels, self._wanted.trainer.threads) as quantiser:
            for variant in variants:
                self._keep(variant, quantiser.variant(variant))

    def _keep(self, variant: Variant, model: onnx.ModelProto) -> None:
        """Check and write what was made."""
        self._tell(variant)
        path = self._files[variant] = self._place / f"model.{variant}.onnx"
        path.write_bytes(to_bytes(checked(model, self._contract)))

    def _part(self, variant: Variant, tolerance: Mapping[str, float]) -> VariantPart:
        engine = None
        if self._given.engine is not None and variant in self._wanted.engines:
            self._tell(f"engine of {variant}")
            engine = self._given.engine(self._files[variant])
        return VariantPart(
            file=self._files[variant].name,
            opset=OPSET,
            calibration=self._calibrations.get(variant),
            engine=engine,
            tolerance=tolerance,
        )

    @property
    def _golden_rows(self) -> int:
        """So many as the usual batch has, within reason."""
        batch = self._contract.inputs[0].dims[0]
        return min(golden.MOST_ROWS, batch if isinstance(batch, int) else self._contract.dims[batch].usual)

    def _run(self, variant: Variant, inputs: choosing.Pixels) -> Answers:
        """The device's runtime on these rows, as many at a time as are usual."""
        session = open_session(self._files[variant], self._contract, threads=self._wanted.trainer.threads)
        name, step = self._contract.inputs[0].name, self._golden_rows
        try:
            found = [session.run({name: inputs[at : at + step]}) for at in range(0, len(inputs), step)]
        finally:
            session.close()
        return {output: np.concatenate([one[output] for one in found]) for output in self._names}

    def _reference(self, validation: Examples) -> dict[str, Any]:
        self._tell("distributions")
        rows = choosing.spread(validation, reference.ROWS, self._wanted.calibration.seed, "reference")
        images = choosing.pixels(validation, rows)
        variant = next(iter(self._files))
        name = self._contract.inputs[0].name
        inputs = {name: reference.of_pixels(images)}
        answers = reference.of_answers(self._run(variant, images))
        return reference.made(len(rows), self._given.snapshot.digest, inputs, answers)

    def _metrics(self, answers: Mapping[Variant, Answers], checkpoint: Answers) -> dict[str, float]:
        """For tables: how large each variant is, and how far from the checkpoint on the golden inputs."""
        found = {f"{variant}/megabytes": path.stat().st_size / 1e6 for variant, path in self._files.items()}
        for variant, told in answers.items():
            found |= {f"{variant}/{name}": golden.difference(told[name], checkpoint[name]) for name in told}
        return found
