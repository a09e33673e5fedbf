"""The golden check: does a session answer the golden inputs as the exporter saw them answered?

A device runs it before a model becomes active, and a gate before anything is approved.
"""

import numpy as np

from slipway.serving.bundle.arrays import Array, read_arrays
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import GOLDEN, Variant
from slipway.serving.errors import SlipwayError
from slipway.serving.runtime.session import Session

_INPUT = "in."


def prove(bundle: Bundle, variant: Variant, session: Session) -> list[str]:
    """What is wrong with the answers of a session that runs this variant, a sentence each; none where it is proven.

    The bundle must be verified. An output for which the manifest says no tolerance must be equal.
    """
    golden = read_arrays(bundle.folder / GOLDEN)
    inputs = {name.removeprefix(_INPUT): array for name, array in golden.items() if name.startswith(_INPUT)}
    try:
        answers = session.run(inputs)
    except SlipwayError as error:
        return [str(error)]
    tolerance = bundle.manifest.variants[variant].tolerance
    found = []
    for one in bundle.manifest.contract.outputs:
        problem = _difference(answers[one.name], golden[f"{variant}.{one.name}"], tolerance.get(one.name, 0.0))
        if problem:
            found.append(f"{variant}: `{one.name}` {problem}")
    return found


def _difference(answer: Array, expected: Array, tolerance: float) -> str | None:
    if answer.shape != expected.shape or answer.dtype != expected.dtype:
        return f"is {answer.dtype} {list(answer.shape)}, the golden answer is {expected.dtype} {list(expected.shape)}."
    if not answer.size:
        return None
    apart = np.abs(answer.astype(np.float64) - expected.astype(np.float64))
    worst = float(apart.max())
    if worst <= tolerance:  # never true of an answer that is no number
        return None
    where = [int(index) for index in np.unravel_index(int(apart.argmax()), apart.shape)]
    return f"is {worst:.6g} from the golden answer at {where}; {tolerance:g} is allowed."
