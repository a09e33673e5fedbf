"""Weights in a model file: as many numbers as their dimensions say, in the file itself."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from slipway.serving.bundle.message_reader import Message, MessageReader
from slipway.serving.bundle.messages import ELEMENTS
from slipway.serving.bundle.wire import Value

MOST_ELEMENTS: Final = 1 << 31
"""Numbers that any dimensions may multiply to."""
MOST_DIMS: Final = 16
_PACKED: Final = {"float_data": 4, "double_data": 8}
"""Bytes of one number where they are packed."""
_PER_NUMBER: Final = {
    "float32": ("float_data", 1),
    "float64": ("double_data", 1),
    "complex64": ("float_data", 2),
    "complex128": ("double_data", 2),
    "int64": ("int64_data", 1),
    "uint32": ("uint64_data", 1),
    "uint64": ("uint64_data", 1),
    "string": ("string_data", 1),
}
"""Where numbers stand that are not raw, and how many make one; all others stand in `int32_data`."""
_HOLDS: Final = ("raw_data", "int32_data", *dict.fromkeys(field for field, _ in _PER_NUMBER.values()))


def checked_tensor(tensor: Message, reader: MessageReader) -> int:
    """How many numbers a tensor has; refused when they lie elsewhere, or are not as many as it says."""
    name = tensor.text("name")[:80] or "a constant"
    if tensor.number("data_location") or tensor.has("external_data") or tensor.has("segment"):
        raise reader.refuse(f"keeps the weights `{name}` outside itself; save the model with all its weights inside")
    count = checked_count(tensor.numbers("dims"), reader)
    number = tensor.number("data_type")
    if number not in ELEMENTS:
        raise reader.refuse(f"has weights `{name}` of a kind that is not known here ({number})")
    if sum(tensor.has(field) for field in _HOLDS) > 1:
        raise reader.refuse(f"has weights `{name}` in two forms, of which each reader may take another")
    word, bits = ELEMENTS[number]
    raw = tensor.one("raw_data")
    if raw is not None:
        expected, found = (count * bits + 7) // 8, len(raw)
    else:
        field, each = _PER_NUMBER.get(word, ("int32_data", 1))
        expected, found = count * each, _numbers(tensor, field)
        if bits and bits < 8:  # noqa: PLR2004 - several of them share one number of int32_data
            expected = (count * bits + 7) // 8
    if found != expected:
        raise reader.refuse(f"has weights `{name}` that say they are {count:,} of {word} and are not")
    return count


def checked_count(dims: Sequence[int], reader: MessageReader) -> int:
    """What dimensions multiply to, within reason."""
    if len(dims) > MOST_DIMS or any(size < 0 for size in dims):
        raise reader.refuse(f"has a tensor with impossible dimensions {list(dims)[:MOST_DIMS]}")
    count = 1
    for size in dims:
        count *= size
        if count > MOST_ELEMENTS:
            raise reader.refuse(f"has a tensor {list(dims)}, which is more than {MOST_ELEMENTS:,} numbers")
    return count


def _numbers(tensor: Message, field: str) -> int:
    return sum(_count(value, field) for value in tensor.fields.get(field, ()))


def _count(value: Value, field: str) -> int:
    """How many numbers one occurrence of a field holds: one, or a row of packed ones."""
    if isinstance(value, int) or field == "string_data":
        return 1
    if width := _PACKED.get(field):
        return len(value) // width
    return int(np.count_nonzero(np.frombuffer(value, np.uint8) < 0x80))  # noqa: PLR2004 - every varint ends in one such
