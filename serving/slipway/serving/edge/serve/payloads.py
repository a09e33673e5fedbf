"""Bodies and arrays: what a model takes over HTTP, and in which form its answer goes back.

application/octet-stream   the bytes of the one input, row by row, little end first; what is received is what the
                           model gets, without a copy
application/x-npz          several arrays, as `numpy.savez` writes them
image/jpeg, image/png      a picture, prepared as the contract says
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from slipway.serving.bundle.arrays import decoded, encoded
from slipway.serving.bundle.contract import Contract, Input
from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.fitting import told as told_dims
from slipway.serving.edge.serve.refusals import Refused
from slipway.serving.edge.serve.response import JSON, Body, Response
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.live import Answer, LoadedModel
from slipway.serving.runtime.pictures import Box, decode, prepare, wanted_size
from slipway.serving.runtime.session import Arrays

OCTETS: Final = "application/octet-stream"
ARRAYS: Final = "application/x-npz"
PICTURES: Final = ("image/jpeg", "image/png")
SHAPE: Final = "X-Tensor-Shape"
DTYPE: Final = "X-Tensor-Dtype"
TENSOR: Final = "X-Tensor-Name"
BOX: Final = "X-Box"
LARGEST_PICTURE: Final = 16 * 1024 * 1024
_AROUND: Final = 2048
"""Bytes that a file of arrays may have for each array besides its numbers."""
_SIZES: Final = re.compile(r"\[?\s*(\d{1,9}(?:\s*,\s*\d{1,9}){0,7})\s*\]?")
_NUMBER: Final = r"-?\d{1,6}(?:\.\d{1,6})?"
_BOX: Final = re.compile(rf"\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})\s*")


class Intake:
    """What one loaded model takes."""

    def __init__(self, loaded: LoadedModel, name: str) -> None:
        self.loaded, self.name = loaded, name
        self._contract = loaded.contract
        self._single = loaded.contract.inputs[0] if len(loaded.contract.inputs) == 1 else None

    def kind(self, headers: Mapping[str, str]) -> str:
        """Which form the body has; `Refused` where this model takes none such."""
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in self.kinds:
            raise Refused(
                415,
                f"The body is {kind or 'of no Content-Type'}; {self.name} takes {', '.join(self.kinds)}.",
                mend=f"Send the header `Content-Type: {self.kinds[0]}`.",
            )
        return kind

    @property
    def kinds(self) -> Sequence[str]:
        """The forms that it takes."""
        if self._single is None:
            return (ARRAYS,)
        return (OCTETS, ARRAYS, *(PICTURES if _takes_pictures(self._single) else ()))

    def most(self, kind: str) -> int:
        """Bytes of a body of that form."""
        if kind in PICTURES:
            return LARGEST_PICTURE
        sizes = [_most(one, self._contract) for one in self._contract.inputs]
        return sizes[0] if kind == OCTETS else sum(sizes) + _AROUND * (1 + len(sizes))

    def tensor(self, headers: Mapping[str, str], body: npt.NDArray[np.uint8]) -> Arrays:
        """The one input, as it was received."""
        one = self._single
        if one is None:
            raise Refused(415, f"{self.name} has several inputs.", mend=f"Send them as {ARRAYS}.")
        dtype = np.dtype(one.dtype)
        asked = headers.get("x-tensor-dtype")
        if asked is not None and asked.strip() != one.dtype:
            raise WrongUse(f"`{one.name}` is {asked} by the header {DTYPE}; the contract says {one.dtype}.")
        shape = _shape(one, headers.get("x-tensor-shape"), len(body), dtype.itemsize)
        return {one.name: body.view(dtype).reshape(shape)}

    def read(self, kind: str, headers: Mapping[str, str], body: npt.NDArray[np.uint8]) -> Arrays:
        """Inputs from a form that takes work: not in the server's thread."""
        data = body.tobytes()
        if kind == ARRAYS:
            try:
                return decoded(data, "The body")
            except BadBundle as error:
                raise WrongUse(str(error), mend="`numpy.savez` makes one.") from None
        one = self._contract.inputs[0]
        return {one.name: prepare(decode(data, one), one, _box(one, headers.get("x-box")))[np.newaxis]}


def wanted(accept: str | None, outputs: int) -> str:
    """The form of the answer: the first that the caller names and that there is."""
    usual = OCTETS if outputs == 1 else ARRAYS
    if not accept:
        return usual
    for one in accept.split(","):
        kind = one.partition(";")[0].strip().lower()
        if kind in {"*/*", "application/*"}:
            return usual
        if kind in {ARRAYS, JSON} or (kind == OCTETS and outputs == 1):
            return kind
    forms = ([OCTETS] if outputs == 1 else []) + [ARRAYS, JSON]
    raise Refused(406, f"There is no answer as {accept[:200]}.", mend=f"Accept one of {', '.join(forms)}.")


def response(answer: Answer, intake: Intake, kind: str) -> Response:
    """The answer in that form; all but `application/octet-stream` take work."""
    model, name = intake.loaded.model, intake.name
    headers = {"X-Slipway-Model": model, "X-Slipway-Bundle": answer.bundle, "X-Slipway-Variant": answer.variant}
    if answer.release is not None:
        headers["X-Slipway-Release"] = str(answer.release)
    if kind == ARRAYS:
        return Response(200, encoded(answer.outputs), ARRAYS, headers, name)
    if kind == JSON:
        return Response(200, json.dumps(_as_json(answer, model), allow_nan=False).encode(), JSON, headers, name)
    ((tensor, array),) = answer.outputs.items()
    headers |= {TENSOR: tensor, SHAPE: ",".join(map(str, array.shape)), DTYPE: array.dtype.name}
    return Response(200, _octets(array), OCTETS, headers, name)


def _octets(array: npt.NDArray[np.generic]) -> Body:
    whole = np.ascontiguousarray(array)
    return whole.view(np.uint8).reshape(-1).data if whole.size and whole.ndim else whole.tobytes()


def _as_json(answer: Answer, model: str) -> dict[str, Any]:
    outputs = {
        name: {"dtype": array.dtype.name, "shape": array.shape, "values": _values(array)}
        for name, array in answer.outputs.items()
    }
    return {
        "model": model,
        "release": answer.release,
        "bundle": answer.bundle,
        "variant": answer.variant,
        "outputs": outputs,
    }


def _values(array: npt.NDArray[np.generic]) -> Any:  # noqa: ANN401 - lists in lists
    """JSON knows no infinity, and nothing that is no number: those are null."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        plain = array.astype(object)
        plain[~np.isfinite(array)] = None
        return plain.tolist()
    return array.tolist()


def _takes_pictures(one: Input) -> bool:
    try:
        wanted_size(one)
    except WrongUse:
        return False
    return True


def _most(one: Input, contract: Contract) -> int:
    sizes = (dim if isinstance(dim, int) else contract.dims[dim].most for dim in one.dims)
    return math.prod(sizes) * np.dtype(one.dtype).itemsize


def _shape(one: Input, said: str | None, size: int, itemsize: int) -> tuple[int, ...]:
    """As the caller says; or, where one dimension alone varies, as the number of bytes says."""
    if said is not None:
        match = _SIZES.fullmatch(said.strip())
        if match is None:
            raise WrongUse(f"{SHAPE} is {said[:100]!r}; expected sizes such as 1,3,64,64.")
        shape = tuple(int(part) for part in match[1].split(","))
        if math.prod(shape) * itemsize != size:
            raise WrongUse(f"{SHAPE} {list(shape)} of {one.dtype} is not {size:,} bytes.")
        return shape
    varying = [dim for dim in one.dims if isinstance(dim, str)]
    row = math.prod(dim for dim in one.dims if isinstance(dim, int)) * itemsize
    if len(varying) > 1:
        raise WrongUse(f"`{one.name}` is {told_dims(one.dims)}.", mend=f"Say its sizes in the header {SHAPE}.")
    if size % row or (not varying and size != row):
        raise WrongUse(f"The body has {size:,} bytes; `{one.name}` is {one.dtype} {told_dims(one.dims)}.")
    return tuple(dim if isinstance(dim, int) else size // row for dim in one.dims)


def _box(one: Input, said: str | None) -> Box | None:
    if said is None:
        return None
    match = _BOX.fullmatch(said)
    if match is None:
        raise WrongUse(f"{BOX} is {said[:100]!r}; expected left,top,right,bottom in pixels.")
    if one.preprocessing.crop != "box":
        raise WrongUse(f"`{one.name}` takes whole pictures.", mend=f"Leave out {BOX}.")
    left, top, right, bottom = map(float, match.groups())
    return left, top, right, bottom
