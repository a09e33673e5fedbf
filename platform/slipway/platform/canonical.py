"""JSON whose bytes count: what digests and keys are made of has one form."""

import json
from typing import Any


def canonical(value: Any) -> bytes:  # noqa: ANN401 - whatever json can write
    """Sorted keys, no spaces, one line; what JSON cannot say is refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
