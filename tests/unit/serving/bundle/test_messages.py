"""The table of ONNX's messages is that of the onnx package, field by field."""

from typing import Any

import onnx

from slipway.serving.bundle.messages import ELEMENTS, MESSAGES, Field

REFUSED = {"TrainingInfoProto", "FunctionProto"}
"""Messages that no bundle may have, and which are therefore not walked."""
KINDS = {1: "double", 2: "float", 9: "text", 12: "raw"}
"""By protobuf's numbers of types; all others that ONNX has are varints."""


def test_every_field_of_every_message_stands_there() -> None:
    found: dict[str, dict[int, Field]] = {}
    todo: list[Any] = [onnx.ModelProto.DESCRIPTOR]
    while todo:
        message = todo.pop()
        if message.name not in found and message.name not in REFUSED:
            found[message.name] = {one.number: field(one) for one in message.fields}
            todo += [one.message_type for one in message.fields if one.message_type]
    assert {name: dict(fields) for name, fields in MESSAGES.items()} == found


def field(one: Any) -> Field:
    inner = one.message_type
    return Field(one.name, inner.name if inner else KINDS.get(one.type, "int"), many=one.is_repeated)


def test_every_kind_of_number_stands_there() -> None:
    known = dict(onnx.TensorProto.DataType.items())
    assert {known[name] for name in known if name != "UNDEFINED"} == ELEMENTS.keys()
    for name, number in known.items():
        if name != "UNDEFINED":
            assert ELEMENTS[number][0].replace("float64", "double").replace("float32", "float") == name.lower()
