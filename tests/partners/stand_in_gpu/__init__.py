"""A graphics processor and a TensorRT that are not there, for this interpreter and for another one.

`interpreter` makes one that owns the stand-in module, NumPy and nothing else: no slipway and none of its dependencies.
"""

import importlib.util
import sys
import venv
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

MODULES = Path(__file__).parent / "modules"
BESIDE = ("numpy", "numpy.libs")


def interpreter(folder: Path) -> Path:
    """A Python of its own whose `tensorrt` is the stand-in, with a device behind it."""
    venv.create(folder, symlinks=True, with_pip=False)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    for name in BESIDE:
        if (there := Path(np.__file__).parents[1] / name).exists():
            (packages / name).symlink_to(there)
    (packages / "stand_in.pth").write_text(f"{MODULES}\nimport stand_in_cuda; stand_in_cuda.install()\n")
    return folder / "bin" / "python"


def cuda() -> Any:
    """`stand_in_cuda`, in this process."""
    return _loaded("stand_in_cuda", "stand_in_cuda")


def tensorrt() -> Any:
    """The stand-in module, in this process, where nobody finds it as `tensorrt`."""
    cuda()
    return _loaded("stand_in_tensorrt", "tensorrt")


def _loaded(name: str, file: str) -> ModuleType:
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, MODULES / f"{file}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]
