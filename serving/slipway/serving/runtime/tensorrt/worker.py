"""The side that runs under the interpreter which owns `tensorrt`: started by the path of this file, told by a pipe.

    python -I -B .../slipway/serving/runtime/tensorrt/worker.py

It needs numpy and the standard library, and of slipway only what lies beside it and needs no more. The first line on
its standard input is its order, a JSON object; it answers with lines of JSON on standard output. `look` says what is
here, `make` makes one engine, `serve` loads one and answers until its input ends. Tensors go through shared memory
whose handle it inherits. It ends when whoever started it does, however that ends: a pipe that it holds closes then.
"""

import hashlib
import json
import mmap
import os
import resource
import signal
import sys
import time
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

if TYPE_CHECKING:
    from slipway.serving.runtime.tensorrt.engine import Engine
    from slipway.serving.runtime.tensorrt.module import TensorRT
    from slipway.serving.runtime.tensorrt.tensors import Tensor, Tensors

Order = Mapping[str, Any]
Tell = Callable[..., None]


def main() -> int:
    """Do what the first line says."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints must not look like an answer
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.SIG_IGN)  # its owner decides when it ends
    find_slipway()
    order: Order = json.loads(sys.stdin.buffer.readline())
    _end_with_owner(order.get("life", 0))  # whoever wants one engine made keeps the order's pipe open meanwhile

    def tell(**told: Any) -> None:  # noqa: ANN401 - JSON
        out.write(json.dumps(told).encode() + b"\n")

    try:
        {"look": look, "make": make_one, "serve": serve}[order["do"]](order, tell)
    except MemoryError:
        tell(problem=f"It wanted more than {order.get('memory_bytes', 0):,} bytes of memory.")
    except Exception as error:  # noqa: BLE001 - told to who asked, who has the words for it
        number = error.errno if isinstance(error, OSError) else None
        tell(problem=str(error) or type(error).__name__, mend=getattr(error, "mend", None), errno=number)
        return 1
    return 0


def find_slipway() -> None:
    """Let `slipway` be found where this file lies, and nothing else of that place: it is for another Python."""
    here = Path(__file__).resolve().parent
    sys.path[:] = [path for path in sys.path if Path(path).resolve() != here]
    package = types.ModuleType("slipway")
    package.__path__ = [str(here.parents[2])]
    sys.modules["slipway"] = package


def look(order: Order, tell: Tell) -> None:
    """Say which TensorRT and which device are here."""
    from slipway.serving.runtime.errors import ModelUnfit
    from slipway.serving.runtime.tensorrt.module import find_module

    del order
    found = find_module()
    device: dict[str, Any] = {"capability": None, "device": None}
    try:
        cuda = _cuda()
        device = {"capability": list(cuda.capability), "device": cuda.name}
    except ModelUnfit as error:
        device["missing"] = str(error)
    tell(module=found[0] if found else None, version=str(found[1].__version__) if found else None, **device)


def make_one(order: Order, tell: Tell) -> None:
    """Make one engine and write it where it was told to."""
    from slipway.serving.runtime.tensorrt.making import make, write_private
    from slipway.serving.runtime.tensorrt.tensors import Tensors

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if order["memory_bytes"]:
        resource.setrlimit(resource.RLIMIT_DATA, (order["memory_bytes"], order["memory_bytes"]))
    said = _Paced(tell)
    timing = Path(order["timing"]) if order["timing"] else None
    inputs = Tensors.from_json(order["tensors"]).inputs
    model, workspace = Path(order["model"]).read_bytes(), order["workspace_bytes"]
    made = make(_module(order), model, inputs, timing, said, workspace=workspace)
    if order["engine"] and made.done:
        write_private(Path(order["engine"]), made.engine)
    digest = hashlib.sha256(made.engine).hexdigest()
    tell(built=made.done, size=len(made.engine), sha256=digest, problems=made.problems)


def serve(order: Order, tell: Tell) -> None:
    """Load an engine and answer, until nobody asks any more."""
    from slipway.serving.runtime.tensorrt.engine import Engine
    from slipway.serving.runtime.tensorrt.tensors import Tensors

    tensors = Tensors.from_json(order["tensors"])
    data = Path(order["engine"]).read_bytes()
    if hashlib.sha256(data).hexdigest() != order["sha256"]:
        raise ValueError(f"{order['engine']} is not the engine that was built: its sha256 is another.")
    places, size = tensors.places()
    shared = _Shared(mmap.mmap(order["shared"], size), places, tensors)
    engine = Engine(_module(order), _cuda(), data, tensors)
    tell(ready=True)
    _answer(sys.stdin.buffer, tell, engine, shared)
    engine.close()


def _answer(asking: BinaryIO, tell: Tell, engine: "Engine", shared: "_Shared") -> None:
    """One line, one answer. A failure of the engine ends it: what the device does afterwards cannot be relied on."""
    for line in asking:
        asked = json.loads(line)
        if "memory" in asked:
            tell(memory=_peak(), device=engine.memory_bytes)
            continue
        outputs = engine.run(shared.given(asked["run"]))
        tell(outputs={name: list(shared.put(name, array)) for name, array in outputs.items()})


class _Shared:
    """Tensors in memory that both sides see."""

    def __init__(self, memory: mmap.mmap, places: Mapping[str, int], tensors: "Tensors") -> None:
        self._memory, self._places = memory, places
        self._tensors = {one.name: one for one in (*tensors.inputs, *tensors.outputs)}

    def given(self, shapes: Mapping[str, list[int]]) -> dict[str, Any]:
        return {name: self._view(self._tensors[name], tuple(shape)) for name, shape in shapes.items()}

    def put(self, name: str, array: Any) -> tuple[int, ...]:  # noqa: ANN401
        np.copyto(self._view(self._tensors[name], array.shape), array)
        return tuple(array.shape)

    def _view(self, one: "Tensor", shape: tuple[int, ...]) -> Any:  # noqa: ANN401
        if not one.allows(shape):
            raise ValueError(f"`{one.name}` may not be {list(shape)}.")
        count = int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(self._memory, one.dtype, count, self._places[one.name]).reshape(shape)


class _Paced:
    """Progress, not more often than somebody could read it."""

    EVERY: Final = 0.2

    def __init__(self, tell: Tell) -> None:
        self._tell, self._last = tell, 0.0

    def __call__(self, phase: str, done: int, steps: int) -> None:
        now = time.monotonic()
        if now - self._last >= self.EVERY:
            self._last = now
            self._tell(progress=phase, done=done, steps=steps)


def _end_with_owner(life: int) -> None:
    from slipway.serving.runtime.children import end_with_owner

    end_with_owner(life)


def _module(order: Order) -> "TensorRT":
    from slipway.serving.runtime.tensorrt.module import load_module

    return load_module(order["module"])


def _cuda() -> Any:  # noqa: ANN401 - loaded at run time
    from slipway.serving.runtime.tensorrt.cuda import Driver

    return Driver()


def _peak() -> int:
    """The most that this process had in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
