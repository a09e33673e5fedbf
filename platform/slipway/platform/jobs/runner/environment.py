"""What a child, and the runner before it, see of the environment.

Names are let through, not kept out: a token that nobody thought of stays outside. A child has what it needs to find
its libraries and devices, and of what is secret only the variables that its job names; a runner also has what it needs
to reach the store. Thread counts come from the config, because they change the weights, and never from the machine.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from slipway.platform.errors import SlipwayError

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
RUNNERS: Final = frozenset(
    {
        "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy",
        "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE",
    }
)  # fmt: skip
RUNNERS_BEGINNINGS: Final = ("AWS_", "SLIPWAY_")
"""Settings, and how the store is reached; a child sees nothing of these."""


def child_environment(environ: Mapping[str, str], *, threads: int, secrets: Sequence[str] = ()) -> dict[str, str]:
    """The environment of a child of one whose environment is `environ`; it also sees the `secrets` named."""
    passed = {name: value for name, value in environ.items() if is_passed(name)}
    return {**passed, **secret_values(environ, secrets), **FIXED, **dict.fromkeys(THREADS, str(threads))}


def runner_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What a launcher passes on to a runner of its own `environ`; the secrets of the job come on top."""
    return {
        name: value
        for name, value in environ.items()
        if is_passed(name) or name in RUNNERS or name.startswith(RUNNERS_BEGINNINGS)
    }


def secret_values(environ: Mapping[str, str], secrets: Sequence[str]) -> dict[str, str]:
    """The values of a job's secrets; says which ones are missing, and refuses names that have another meaning."""
    taken = sorted({name for name in secrets if name in FIXED or name in THREADS or is_passed(name)})
    if taken:
        raise SlipwayError(
            f"A secret of this job is called {', '.join(f'`{name}`' for name in taken)}, which has a meaning already.",
            mend="Call it otherwise, in the target's `secrets` and where the job is submitted.",
        )
    missing = [name for name in secrets if not environ.get(name)]
    if missing:
        raise SlipwayError(
            f"This job wants the secret {', '.join(f'`{name}`' for name in missing)}, which was not given to it here.",
            mend="Name it in the `secrets` of the target, and see that its value is where that says; then start the "
            "same work again.",
        )
    return {name: environ[name] for name in secrets}


def is_passed(name: str) -> bool:
    """Whether a child sees this variable."""
    return name not in NOT_PASSED and (name in PASSED or name.startswith(PASSED_BEGINNINGS))
