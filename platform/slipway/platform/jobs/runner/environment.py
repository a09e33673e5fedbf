"""What a child sees of the environment: what it needs to find its libraries and devices, and nothing that is secret.

Names are let through, not kept out: a token that nobody thought of stays outside. Thread counts come from the config,
because they change the weights, and never from the machine.
"""

from collections.abc import Mapping
from typing import Final

PASSED: Final = frozenset(
    {"HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER", "VIRTUAL_ENV"}
)
PASSED_BEGINNINGS: Final = ("CUDA_", "GLOO_", "LC_", "NCCL_", "NVIDIA_", "TORCHINDUCTOR_", "TRITON_", "XDG_CACHE_")
NOT_PASSED: Final = frozenset({"NVIDIA_TF32_OVERRIDE"})
"""Would change the weights without being part of the run key."""
THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
FIXED: Final = {
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # the same sums on every call
    "MPLBACKEND": "Agg",
    "PYTHONHASHSEED": "0",
    "PYTHONNOUSERSITE": "1",
    "PYTHONUNBUFFERED": "1",
    "TORCHELASTIC_SIGNALS_TO_HANDLE": "SIGHUP",  # workers are asked to stop by the runner itself
}


def child_environment(environ: Mapping[str, str], *, threads: int) -> dict[str, str]:
    """The environment of a child of one whose environment is `environ`."""
    passed = {name: value for name, value in environ.items() if is_passed(name)}
    return {**passed, **FIXED, **dict.fromkeys(THREADS, str(threads))}


def is_passed(name: str) -> bool:
    """Whether a child sees this variable."""
    return name not in NOT_PASSED and (name in PASSED or name.startswith(PASSED_BEGINNINGS))
