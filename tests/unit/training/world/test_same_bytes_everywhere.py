"""The bytes do not depend on what the processor can do, nor on the libraries' ways of using it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("render_piece.py")
VECTORS: list[str] = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
PLAIN_NUMPY = {"NPY_DISABLE_CPU_FEATURES": " ".join(VECTORS)}
PLAIN_OPENCV = {"OPENCV_CPU_DISABLE": "SSE4.1,SSE4.2,AVX,FP16,AVX2,FMA3,AVX512-SKX", "OPENCV_IPP": "disabled"}
PLAIN_JPEG = {"JSIMD_FORCENONE": "1"}
OTHER_BLAS = {"OPENBLAS_CORETYPE": "Nehalem"}
OTHER_HASHES = {"PYTHONHASHSEED": "7"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return rendered({}, tmp_path_factory.mktemp("here"))


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param(PLAIN_NUMPY | OTHER_HASHES, id="numpy without vector instructions"),
        pytest.param(PLAIN_OPENCV | OTHER_BLAS, id="opencv without vector instructions, another blas"),
        pytest.param(PLAIN_NUMPY | PLAIN_OPENCV | PLAIN_JPEG | OTHER_BLAS, id="everything plain"),
    ],
)
def test_a_plainer_processor_gives_the_same_bytes(
    here: dict[str, Any], environment: Mapping[str, str], tmp_path: Path
) -> None:
    there = rendered(environment, tmp_path)
    assert there["digest"] == here["digest"]
    if "NPY_DISABLE_CPU_FEATURES" in environment:
        assert there["dispatched"] == []


def rendered(environment: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """What a child process with these variables renders."""
    command = [sys.executable, str(SCRIPT), str(folder)]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result
