"""Checkpoints as files: written beside their names and renamed, the newest few kept, loaded without running code.

A checkpoint holds all that a step leaves behind. It is read as plain tensors and numbers (`weights_only`), and only a
run of the same key goes on from it.
"""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

from slipway.platform.errors import SlipwayError
from slipway.platform.runs.workplace import Workplace, write_whole

FORMAT: Final = 1


class BadCheckpoint(SlipwayError):
    """A checkpoint that cannot be gone on from."""


def write(workplace: Workplace, step: int, key: str, content: Mapping[str, Any], keep: int) -> Path:
    """Write a checkpoint, then remove all but the newest `keep`, and what a kill left half-written."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "key": key, **content}, buffer)
    path = workplace.checkpoint(step)
    write_whole(path, buffer.getvalue())
    for old in sorted(workplace.checkpoints.glob("step-*.ckpt"))[: -max(1, keep)]:
        old.unlink(missing_ok=True)
    for torn in workplace.checkpoints.glob(".step-*"):
        torn.unlink(missing_ok=True)
    return path


def read(path: Path, key: str) -> dict[str, Any]:
    """What `write` was given."""
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise BadCheckpoint(f"{path} cannot be read as a checkpoint: {error}") from None
    if content.get("format") != FORMAT or content.get("key") != key:
        raise BadCheckpoint(
            f"{path} is a checkpoint of {content.get('key')} in format {content.get('format')}; "
            f"expected {key} in format {FORMAT}."
        )
    return content
