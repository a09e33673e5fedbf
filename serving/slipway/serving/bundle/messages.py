"""The messages of ONNX that a model file may be made of: for each field its number, name and kind.

A field that does not stand here is refused, so no reader that knows more finds anything in a file that was not looked
at. A test holds the table against the installed onnx package.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

INT: Final = "int"
"""Varints: int32, int64, uint64, enumerations."""
FLOAT: Final = "float"
DOUBLE: Final = "double"
TEXT: Final = "text"
RAW: Final = "raw"


class Field(NamedTuple):
    """A field; `kind` is one of the words above or the name of a message."""

    name: str
    kind: str
    many: bool = False


_PROPS: Final = Field("metadata_props", "StringStringEntryProto", many=True)

MESSAGES: Final[Mapping[str, Mapping[int, Field]]] = {
    "ModelProto": {
        1: Field("ir_version", INT),
        2: Field("producer_name", TEXT),
        3: Field("producer_version", TEXT),
        4: Field("domain", TEXT),
        5: Field("model_version", INT),
        6: Field("doc_string", TEXT),
        7: Field("graph", "GraphProto"),
        8: Field("opset_import", "OperatorSetIdProto", many=True),
        14: _PROPS,
        20: Field("training_info", "TrainingInfoProto", many=True),
        25: Field("functions", "FunctionProto", many=True),
        26: Field("configuration", "DeviceConfigurationProto", many=True),
    },
    "OperatorSetIdProto": {1: Field("domain", TEXT), 2: Field("version", INT)},
    "GraphProto": {
        1: Field("node", "NodeProto", many=True),
        2: Field("name", TEXT),
        5: Field("initializer", "TensorProto", many=True),
        10: Field("doc_string", TEXT),
        11: Field("input", "ValueInfoProto", many=True),
        12: Field("output", "ValueInfoProto", many=True),
        13: Field("value_info", "ValueInfoProto", many=True),
        14: Field("quantization_annotation", "TensorAnnotation", many=True),
        15: Field("sparse_initializer", "SparseTensorProto", many=True),
        16: _PROPS,
    },
    "NodeProto": {
        1: Field("input", TEXT, many=True),
        2: Field("output", TEXT, many=True),
        3: Field("name", TEXT),
        4: Field("op_type", TEXT),
        5: Field("attribute", "AttributeProto", many=True),
        6: Field("doc_string", TEXT),
        7: Field("domain", TEXT),
        8: Field("overload", TEXT),
        9: _PROPS,
        10: Field("device_configurations", "NodeDeviceConfigurationProto", many=True),
    },
    "AttributeProto": {
        1: Field("name", TEXT),
        2: Field("f", FLOAT),
        3: Field("i", INT),
        4: Field("s", RAW),
        5: Field("t", "TensorProto"),
        6: Field("g", "GraphProto"),
        7: Field("floats", FLOAT, many=True),
        8: Field("ints", INT, many=True),
        9: Field("strings", RAW, many=True),
        10: Field("tensors", "TensorProto", many=True),
        11: Field("graphs", "GraphProto", many=True),
        13: Field("doc_string", TEXT),
        14: Field("tp", "TypeProto"),
        15: Field("type_protos", "TypeProto", many=True),
        20: Field("type", INT),
        21: Field("ref_attr_name", TEXT),
        22: Field("sparse_tensor", "SparseTensorProto"),
        23: Field("sparse_tensors", "SparseTensorProto", many=True),
    },
    "TensorProto": {
        1: Field("dims", INT, many=True),
        2: Field("data_type", INT),
        3: Field("segment", "Segment"),
        4: Field("float_data", FLOAT, many=True),
        5: Field("int32_data", INT, many=True),
        6: Field("string_data", RAW, many=True),
        7: Field("int64_data", INT, many=True),
        8: Field("name", TEXT),
        9: Field("raw_data", RAW),
        10: Field("double_data", DOUBLE, many=True),
        11: Field("uint64_data", INT, many=True),
        12: Field("doc_string", TEXT),
        13: Field("external_data", "StringStringEntryProto", many=True),
        14: Field("data_location", INT),
        16: _PROPS,
    },
    "Segment": {1: Field("begin", INT), 2: Field("end", INT)},
    "SparseTensorProto": {
        1: Field("values", "TensorProto"),
        2: Field("indices", "TensorProto"),
        3: Field("dims", INT, many=True),
    },
    "ValueInfoProto": {1: Field("name", TEXT), 2: Field("type", "TypeProto"), 3: Field("doc_string", TEXT), 4: _PROPS},
    "TypeProto": {
        1: Field("tensor_type", "Tensor"),
        4: Field("sequence_type", "Sequence"),
        5: Field("map_type", "Map"),
        6: Field("denotation", TEXT),
        7: Field("opaque_type", "Opaque"),
        8: Field("sparse_tensor_type", "SparseTensor"),
        9: Field("optional_type", "Optional"),
    },
    "Tensor": {1: Field("elem_type", INT), 2: Field("shape", "TensorShapeProto")},
    "SparseTensor": {1: Field("elem_type", INT), 2: Field("shape", "TensorShapeProto")},
    "Sequence": {1: Field("elem_type", "TypeProto")},
    "Optional": {1: Field("elem_type", "TypeProto")},
    "Map": {1: Field("key_type", INT), 2: Field("value_type", "TypeProto")},
    "Opaque": {1: Field("domain", TEXT), 2: Field("name", TEXT)},
    "TensorShapeProto": {1: Field("dim", "Dimension", many=True)},
    "Dimension": {1: Field("dim_value", INT), 2: Field("dim_param", TEXT), 3: Field("denotation", TEXT)},
    "StringStringEntryProto": {1: Field("key", TEXT), 2: Field("value", TEXT)},
    "TensorAnnotation": {
        1: Field("tensor_name", TEXT),
        2: Field("quant_parameter_tensor_names", "StringStringEntryProto", many=True),
    },
    "DeviceConfigurationProto": {
        1: Field("name", TEXT),
        2: Field("num_devices", INT),
        3: Field("device", TEXT, many=True),
    },
    "NodeDeviceConfigurationProto": {
        1: Field("configuration_id", TEXT),
        2: Field("sharding_spec", "ShardingSpecProto", many=True),
        3: Field("pipeline_stage", INT),
    },
    "ShardingSpecProto": {
        1: Field("tensor_name", TEXT),
        2: Field("device", INT, many=True),
        3: Field("index_to_device_group_map", "IntIntListEntryProto", many=True),
        4: Field("sharded_dim", "ShardedDimProto", many=True),
    },
    "IntIntListEntryProto": {1: Field("key", INT), 2: Field("value", INT, many=True)},
    "ShardedDimProto": {1: Field("axis", INT), 2: Field("simple_sharding", "SimpleShardedDimProto", many=True)},
    "SimpleShardedDimProto": {
        1: Field("dim_value", INT),
        2: Field("dim_param", TEXT),
        3: Field("num_shards", INT),
    },
}

ELEMENTS: Final[Mapping[int, tuple[str, int]]] = {
    1: ("float32", 32),
    2: ("uint8", 8),
    3: ("int8", 8),
    4: ("uint16", 16),
    5: ("int16", 16),
    6: ("int32", 32),
    7: ("int64", 64),
    8: ("string", 0),
    9: ("bool", 8),
    10: ("float16", 16),
    11: ("float64", 64),
    12: ("uint32", 32),
    13: ("uint64", 64),
    14: ("complex64", 64),
    15: ("complex128", 128),
    16: ("bfloat16", 16),
    17: ("float8e4m3fn", 8),
    18: ("float8e4m3fnuz", 8),
    19: ("float8e5m2", 8),
    20: ("float8e5m2fnuz", 8),
    21: ("uint4", 4),
    22: ("int4", 4),
    23: ("float4e2m1", 4),
    24: ("float8e8m0", 8),
    25: ("uint2", 2),
    26: ("int2", 2),
    27: ("float6e2m3", 6),
    28: ("float6e3m2", 6),
}
"""What a tensor holds: by the number that ONNX has for it the name, and the bits of one."""
