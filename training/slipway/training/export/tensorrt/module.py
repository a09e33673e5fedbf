"""Finding a TensorRT module."""

import importlib
from typing import Final

from slipway.training.export.wanted import Maker

MODULES: Final = ("tensorrt", "tensorrt_rtx")


def find_maker() -> Maker | None:
    """The first that can be imported here."""
    for name in MODULES:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        return Maker(module=name, version=str(module.__version__))
    return None
