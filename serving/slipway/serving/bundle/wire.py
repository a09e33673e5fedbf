"""Protobuf's wire format, as far as an untrusted file needs it: fields of a message, within their parent's bytes.

Nothing is copied and nothing is unpacked that nobody asks for. A reader counts every field that it meets, so the time
that any file can take is bounded by `MOST_FIELDS`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from slipway.serving.bundle.errors import BadBundle

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5

MOST_FIELDS: Final = 500_000
"""Fields in one file, with those of all messages inside."""
_LONGEST: Final = 10
"""Bytes of a varint."""
_WIDTHS: Final = {FIXED64: 8, FIXED32: 4}
_CONTINUED: Final = 0x80

Value = int | memoryview
"""A varint as its 64 bits, anything else as its bytes."""


@dataclass
class Reader:
    """What is read of one file, and how much so far."""

    place: str
    fields: int = 0

    def refuse(self, reason: str) -> BadBundle:
        """The error for this file."""
        return BadBundle(f"{self.place} {reason}.")

    def messages(self, data: memoryview) -> Iterator[tuple[int, int, Value]]:
        """The number, wire type and value of each field of a message."""
        at, end = 0, len(data)
        while at < end:
            self.fields += 1
            if self.fields > MOST_FIELDS:
                raise self.refuse(f"has more than {MOST_FIELDS:,} fields")
            tag, at = self.varint(data, at)
            number, wire = tag >> 3, tag & 7
            value: Value
            if wire == VARINT:
                value, at = self.varint(data, at)
            elif wire == BYTES:
                length, at = self.varint(data, at)
                if length > end - at:
                    raise self.refuse(f"is no whole ONNX model: {length:,} bytes should follow, {end - at:,} do")
                value, at = data[at : at + length], at + length
            elif width := _WIDTHS.get(wire):
                if width > end - at:
                    raise self.refuse("is no whole ONNX model: it ends in the middle of a number")
                value, at = data[at : at + width], at + width
            else:
                raise self.refuse("is no ONNX model: it is no protobuf message")
            yield number, wire, value

    def varint(self, data: memoryview, at: int) -> tuple[int, int]:
        """A number and where the next thing begins."""
        value = 0
        for index, byte in enumerate(data[at : at + _LONGEST]):
            value |= (byte & 0x7F) << (7 * index)
            if byte < _CONTINUED:
                if value >> 64:
                    break
                return value, at + index + 1
        raise self.refuse("is no ONNX model: it is no protobuf message")


def signed(value: int) -> int:
    """A varint as the int64 that it stands for."""
    return value - (1 << 64) if value >> 63 else value
