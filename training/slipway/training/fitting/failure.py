"""Telling what was being done when something went wrong: `failure.json`, the first process to fail writes it."""

import os
import traceback
from pathlib import Path

from slipway.platform.errors import SlipwayError
from slipway.platform.runs.workplace import Failure, Workplace


def note(
    workplace: Workplace, error: BaseException, *, step: int | None = None, samples: tuple[str, ...] = (), rank: int = 0
) -> None:
    """Write what happened, unless it is written already: the others fail because the first one did."""
    told, mend = f"{type(error).__name__}: {error}", ""
    if isinstance(error, SlipwayError):
        told, mend = str(error), error.mend or ""
    failure = Failure(
        error=told,
        mend=mend,
        traceback="".join(traceback.format_exception(error)),
        step=step,
        samples=samples,
        rank=rank,
    )
    _write_first(workplace.failure, failure.model_dump_json(indent=1).encode())


def _write_first(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(data)
    try:
        path.hardlink_to(beside)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
