"""The operators that a bundle's model may use: those that any ONNX Runtime brings, and no door to the outside.

Allowed are the standard operators, the trees and encoders of `ai.onnx.ml`, and of ONNX Runtime's own domain the
quantised and fused forms that its tools write. Anything else needs a library that a device does not have, or, like
`EPContext`, names a file of compiled code that nobody has looked at.
"""

from typing import Final

STANDARD: Final = frozenset({"", "ai.onnx", "ai.onnx.ml"})
RUNTIMES: Final = "com.microsoft"
ALLOWED: Final = frozenset(
    {
        "BiasGelu",
        "DequantizeLinear",
        "DynamicQuantizeMatMul",
        "FastGelu",
        "FusedConv",
        "FusedGemm",
        "FusedMatMul",
        "Gelu",
        "MatMulInteger16",
        "MatMulIntegerToFloat",
        "QGemm",
        "QLinearAdd",
        "QLinearAveragePool",
        "QLinearConcat",
        "QLinearGlobalAveragePool",
        "QLinearLeakyRelu",
        "QLinearMul",
        "QLinearReduceMean",
        "QLinearSigmoid",
        "QLinearSoftmax",
        "QLinearWhere",
        "QuantizeLinear",
        "QuickGelu",
        "SkipLayerNormalization",
    }
)
"""Of ONNX Runtime's own domain."""


def refusal(domain: str, operator: str) -> str | None:
    """Why this operator is not allowed; None for one that is."""
    if not operator:
        return "has a node without an operator"
    if domain in STANDARD or (domain == RUNTIMES and operator in ALLOWED):
        return None
    return f"uses the operator `{domain[:80]}.{operator[:80]}`, which devices do not have"
