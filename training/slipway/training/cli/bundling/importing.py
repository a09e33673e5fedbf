"""Somebody else's ONNX as a bundle with lineage *external*: read, held against a contract, run once, and kept.

Nothing is trusted: the graph is walked before it is loaded, and it runs first in a process with limits of memory and
time. What comes of it is gated like any other bundle.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from slipway.platform.errors import WrongUse
from slipway.platform.models.contract import Contract as Declared
from slipway.platform.models.finder import installed_models, model_named
from slipway.platform.models.schema import Declaration
from slipway.serving.bundle.canonical import sha256
from slipway.serving.bundle.contract import Contract
from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.fitting import graph_problems
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.graph import Graph, read_graph
from slipway.serving.bundle.manifest import DeviceClass, Lineage, Variant, VariantPart
from slipway.serving.bundle.reading import read_plain
from slipway.serving.bundle.verifying import LARGEST_FILE
from slipway.serving.bundle.writing import write_bundle
from slipway.serving.runtime.inputs import seeded_inputs
from slipway.serving.runtime.measuring import Limits, answers_apart

LARGEST_CONTRACT: Final = 256 * 1024
NO_REFERENCE: Final[Mapping[str, Any]] = {"rows": 0, "snapshot": None, "inputs": {}, "outputs": {}}
"""Nobody has seen a foreign model's answers to our rows before it is gated."""
SHARE: Final[Mapping[Variant, float]] = {"fp32": 1e-4, "fp16": 1e-2, "int8-cpu": 2e-2, "int8-trt": 2e-2}
"""Of the greatest golden answer, how far a device's may be from it."""
LEAST: Final = 1e-5
LIMITS: Final = Limits(seconds=60)
"""Of the one run."""


@dataclass(frozen=True)
class Foreign:
    """A model file of somebody else, with what is said of it."""

    file: Path
    model: str
    contract: Contract
    origin: str
    variant: Variant
    devices: Mapping[str, DeviceClass]
    left_out: tuple[str, ...] = field(default=())
    """Device classes that run none of its variants."""


def foreign(file: Path, *, model: str, contract: str, origin: str, variant: Variant) -> Foreign:
    """What is to be imported; devices are those of the model's declaration that can run this variant."""
    declared = model_named(model).declaration
    devices = {
        name: DeviceClass.model_validate({**one.model_dump(mode="json"), "variants": (variant,)})
        for name, one in declared.devices.items()
        if variant in one.variants
    }
    if not devices:
        asked = ", ".join(declared.variants)
        raise WrongUse(f"No device class of `{model}` runs {variant}.", mend=f"Its devices ask for {asked}: --variant.")
    left_out = tuple(name for name in declared.devices if name not in devices)
    if not origin.strip():
        raise WrongUse("Nobody is named as the origin.", mend="Say in words who gave the model: --origin.")
    file = file.expanduser().resolve()
    return Foreign(file, model, serving_contract(read_contract(contract, declared)), origin, variant, devices, left_out)


def read_contract(text: str, declared: Declaration) -> Declared:
    """The contract in a file, or that of an installed model."""
    path = Path(text).expanduser()
    if not path.is_file():
        if text == declared.name:
            return declared.export
        if text in installed_models():
            return model_named(text).declaration.export
        raise WrongUse(f"{text} is no file and no model.", mend="Name a YAML or JSON file, or an installed model.")
    try:
        return Declared.model_validate(yaml.safe_load(_text(path)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        raise WrongUse(f"{path}{line}: this is no YAML.", mend="Write it as `export` stands in a model.yaml.") from None
    except RecursionError:
        raise WrongUse(f"{path} is nested too deeply.") from None
    except ValidationError as error:
        told = [_told(one["loc"], one["msg"]) for one in error.errors(include_url=False, include_input=False)]
        raise WrongUse(f"{path}: {' '.join(told)}", mend="Write it as `export` stands in a model.yaml.") from None


def serving_contract(declared: Declared) -> Contract:
    """A declared contract as bundles have it."""
    return Contract.model_validate(declared.model_dump(mode="json"))


def make(given: Foreign, folder: Path, tell: Callable[[str], None], limits: Limits | None = None) -> Bundle:
    """The bundle, in an empty folder."""
    tell("reading the graph")
    data = read_plain(given.file, LARGEST_FILE)
    graph = read_graph(data, given.file.name)
    _check_fits(graph, given)
    tell("running it once")
    inputs = seeded_inputs(given.contract)
    with tempfile.TemporaryDirectory(prefix="slipway-import-") as place:
        copy = Path(place, given.file.name)  # what was read is what runs, whatever the file becomes
        copy.write_bytes(data)
        answers = answers_apart(copy, given.contract, inputs, limits=limits or LIMITS)
    tell("writing the bundle")
    return write_bundle(
        folder,
        model=given.model,
        lineage=Lineage(origin=given.origin, weights=sha256(data)),
        contract=given.contract,
        devices=given.devices,
        variants={given.variant: _part(given, graph, answers)},
        files={f"model.{given.variant}.onnx": data},
        golden={
            **{f"in.{name}": array for name, array in inputs.items()},
            **{f"{given.variant}.{name}": array for name, array in answers.items()},
        },
        reference=NO_REFERENCE,
        tools={"onnxruntime": version("onnxruntime")},
    )


def _part(given: Foreign, graph: Graph, answers: Mapping[str, Any]) -> VariantPart:
    share = SHARE[given.variant]
    tolerance = {name: max(LEAST, share * float(abs(one).max(initial=0))) for name, one in answers.items()}
    return VariantPart(file=f"model.{given.variant}.onnx", opset=graph.opset, tolerance=tolerance)


def _check_fits(graph: Graph, given: Foreign) -> None:
    part = VariantPart(file="model.onnx", opset=graph.opset)
    found = list(graph_problems(graph, given.file.name, part, given.contract))
    if found:
        raise BadBundle(
            " ".join(found), mend="Write the contract that the graph has, or export it as the contract says."
        )


def _text(path: Path) -> str:
    try:
        return read_plain(path, LARGEST_CONTRACT).decode()
    except UnicodeDecodeError:
        raise WrongUse(f"{path} is no text in UTF-8.") from None


def _told(place: tuple[int | str, ...], message: str) -> str:
    where = ".".join(str(part) for part in place)
    return f"{where}: {message.removeprefix('Value error, ')}." if where else f"{message}."
