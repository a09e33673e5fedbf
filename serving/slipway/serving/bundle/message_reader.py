"""Messages of ONNX out of a file, by the names of their fields; what the table does not know is refused."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from slipway.serving.bundle.messages import DOUBLE, FLOAT, INT, MESSAGES, TEXT
from slipway.serving.bundle.wire import BYTES, FIXED32, FIXED64, VARINT, Reader, Value, signed

_WIRES: Final = {INT: VARINT, FLOAT: FIXED32, DOUBLE: FIXED64}
_MOST_NUMBERS: Final = 4096
"""Numbers that are unpacked of one field; dimensions are far fewer, and what holds more is counted and not unpacked."""


@dataclass
class Message:
    """One message: its fields by name, those within not yet read."""

    kind: str
    reader: Reader
    fields: dict[str, list[Value]] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether it has that field at all."""
        return name in self.fields

    def one(self, name: str) -> memoryview | None:
        """The bytes of a field that stands at most once."""
        found = self.fields.get(name)
        return found[0] if found and isinstance(found[0], memoryview) else None

    def number(self, name: str) -> int:
        """A number; 0 where it is not said."""
        found = self.fields.get(name)
        return signed(found[0]) if found and isinstance(found[0], int) else 0

    def numbers(self, name: str) -> list[int]:
        """The numbers of a repeated field, packed or not."""
        found: list[int] = []
        for value in self.fields.get(name, ()):
            if isinstance(value, int):
                found.append(signed(value))
                continue
            at = 0
            while at < len(value):
                number, at = self.reader.varint(value, at)
                found.append(signed(number))
                if len(found) > _MOST_NUMBERS:
                    raise self.reader.refuse(f"has more than {_MOST_NUMBERS:,} numbers in `{name}`")
        return found

    def text(self, name: str) -> str:
        """A text; empty where it is not said."""
        found = self.one(name)
        return "" if found is None else bytes(found).decode()  # it was looked at when the message was read

    def inner(self) -> list[str]:
        """The fields that are messages themselves."""
        kinds = {one.name: one.kind for one in MESSAGES[self.kind].values()}
        return [name for name in self.fields if kinds[name] in MESSAGES]


class MessageReader(Reader):
    """Reads one file."""

    def read(self, data: memoryview, kind: str) -> Message:
        """One message of that kind."""
        table, message = MESSAGES[kind], Message(kind, self)
        for number, wire, value in self.messages(data):
            known = table.get(number)
            if known is None:
                raise self.refuse(f"is no ONNX model that is known here: {kind} has a field {number}")
            expected = _WIRES.get(known.kind, BYTES)
            if wire != expected and not (known.many and known.kind in _WIRES and wire == BYTES):
                raise self.refuse(f"is no ONNX model: {kind}.{known.name} is of a wrong type")
            if known.kind == TEXT:
                self._check_text(value, f"{kind}.{known.name}")
            values = message.fields.setdefault(known.name, [])
            if values and not known.many:
                raise self.refuse(f"is no ONNX model: {kind}.{known.name} stands there twice")
            values.append(value)
        return message

    def each(self, message: Message, name: str) -> Iterator[Message]:
        """The messages in a field, read one after the other."""
        kind = next(one.kind for one in MESSAGES[message.kind].values() if one.name == name)
        for value in message.fields.get(name, ()):
            if isinstance(value, memoryview):
                yield self.read(value, kind)

    def _check_text(self, value: Value, name: str) -> None:
        try:
            str(value, "utf-8") if isinstance(value, memoryview) else None
        except UnicodeDecodeError:
            raise self.refuse(f"is no ONNX model: {name} is no text") from None
