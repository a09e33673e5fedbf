"""Bodies and arrays: what a model takes over HTTP, and in which form its answer goes back.

application/octet-stream   the bytes of the one input, row by row, little end first; what is received is what the
                           model gets, without a copy
application/x-npz          several arrays, as `numpy.savez` writes them
image/jpeg, image/png      a picture, prepared as the contract says
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final, get_args

import numpy as np
import numpy.typing as npt

from slipway.serving.bundle.arrays import decoded, encoded
from slipway.serving.bundle.contract import Contract, Input, Number
from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.fitting import told as told_dims
from slipway.serving.edge.serve.refusals import Refused
from slipway.serving.edge.serve.response import JSON, Body, Response, header_lines
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
_NAMES: Final = {np.dtype(name): name for name in get_args(Number)}
"""NumPy's own take long to find."""


class Intake:
    """What one loaded model takes."""

    def __init__(self, loaded: LoadedModel, name: str) -> None:
        self.loaded, self.name = loaded, name
        inputs = loaded.contract.inputs
        sizes = [_most(one, loaded.contract) for one in inputs]
        self._tensor = _Tensor(inputs[0]) if len(inputs) == 1 else None
        self._most = {ARRAYS: sum(sizes) + _AROUND * (1 + len(sizes))}
        if len(inputs) == 1:
            self._most = {OCTETS: sizes[0], **self._most}
            self._most |= dict.fromkeys(PICTURES if _takes_pictures(inputs[0]) else (), LARGEST_PICTURE)
        self._head = _about(Answer({}, loaded.bundle, loaded.release, loaded.variant), loaded.model)

    def kind(self, headers: Mapping[str, str]) -> str:
        """Which form the body has; `Refused` where this model takes none such."""
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in self._most:
            raise Refused(
                415,
                f"The body is {kind or 'of no Content-Type'}; {self.name} takes {', '.join(self._most)}.",
                mend=f"Send the header `Content-Type: {next(iter(self._most))}`.",
            )
        return kind

    def most(self, kind: str) -> int:
        """Bytes of a body of that form."""
        return self._most[kind]

    def about(self, answer: Answer) -> str:
        """The headers that say who has answered, which may be another one by now."""
        loaded = self.loaded
        if (answer.bundle, answer.release, answer.variant) == (loaded.bundle, loaded.release, loaded.variant):
            return self._head
        return _about(answer, loaded.model)

    def tensor(self, headers: Mapping[str, str], body: npt.NDArray[np.uint8]) -> Arrays:
        """The one input, as it was received."""
        if self._tensor is None:
            raise Refused(415, f"{self.name} has several inputs.", mend=f"Send them as {ARRAYS}.")
        return self._tensor.read(headers, body)

    def read(self, kind: str, headers: Mapping[str, str], body: npt.NDArray[np.uint8]) -> Arrays:
        """Inputs from a form that takes work: not in the server's thread."""
        data = body.tobytes()
        if kind == ARRAYS:
            try:
                return decoded(data, "The body")
            except BadBundle as error:
                raise WrongUse(str(error), mend="`numpy.savez` makes one.") from None
        one = self.loaded.contract.inputs[0]
        box = _box(one, headers.get("x-box"))
        image = decode(data, one if box is None else None)  # boxes lie on the pixels as they are stored
        return {one.name: prepare(image, one, box)[np.newaxis]}


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
    headers = intake.about(answer)
    if kind == ARRAYS:
        return Response(200, encoded(answer.outputs), ARRAYS, headers, intake.name)
    if kind == JSON:
        said = json.dumps(_as_json(answer, intake.loaded.model), allow_nan=False)
        return Response(200, said.encode(), JSON, headers, intake.name)
    ((name, array),) = answer.outputs.items()
    shape = ",".join(map(str, array.shape))
    headers += f"{TENSOR}: {name}\r\n{SHAPE}: {shape}\r\n{DTYPE}: {_NAMES[array.dtype]}\r\n"
    return Response(200, _octets(array), OCTETS, headers, intake.name)


class _Tensor:
    """The one input of a contract, as bytes."""

    def __init__(self, one: Input) -> None:
        self._one, self._dtype = one, np.dtype(one.dtype)
        self._row = math.prod(dim for dim in one.dims if isinstance(dim, int)) * self._dtype.itemsize
        self._varying = sum(isinstance(dim, str) for dim in one.dims)

    def read(self, headers: Mapping[str, str], body: npt.NDArray[np.uint8]) -> Arrays:
        """The same bytes as an array."""
        one = self._one
        asked = headers.get("x-tensor-dtype")
        if asked is not None and asked.strip() != one.dtype:
            raise WrongUse(
                f"`{one.name}` is {asked} by the header {DTYPE}; the contract says {one.dtype}.",
                mend=f"Send it as {one.dtype}.",
            )
        said = headers.get("x-tensor-shape")
        shape = self._by_size(len(body)) if said is None else self._as_said(said, len(body))
        return {one.name: body.view(self._dtype).reshape(shape)}

    def _by_size(self, size: int) -> tuple[int, ...]:
        """Where one dimension alone varies, the number of bytes says how much."""
        one = self._one
        if self._varying > 1:
            raise WrongUse(f"`{one.name}` is {told_dims(one.dims)}.", mend=f"Say its sizes in the header {SHAPE}.")
        if size % self._row or (not self._varying and size != self._row):
            raise WrongUse(
                f"The body has {size:,} bytes; `{one.name}` is {one.dtype} {told_dims(one.dims)}.",
                mend=f"Send rows of {self._row:,} bytes." if self._varying else f"Send {self._row:,} bytes.",
            )
        return tuple(dim if isinstance(dim, int) else size // self._row for dim in one.dims)

    def _as_said(self, said: str, size: int) -> tuple[int, ...]:
        match = _SIZES.fullmatch(said.strip())
        if match is None:
            raise WrongUse(
                f"{SHAPE} is {said[:100]!r}; expected sizes such as 1,3,64,64.",
                mend=f"`{self._one.name}` is {told_dims(self._one.dims)}.",
            )
        shape = tuple(int(part) for part in match[1].split(","))
        if math.prod(shape) * self._dtype.itemsize != size:
            raise WrongUse(
                f"{SHAPE} {list(shape)} of {self._one.dtype} is not {size:,} bytes.",
                mend=f"Say the sizes of the array that is sent; `{self._one.name}` is {told_dims(self._one.dims)}.",
            )
        return shape


def _about(answer: Answer, model: str) -> str:
    headers = {"X-Slipway-Model": model, "X-Slipway-Bundle": answer.bundle, "X-Slipway-Variant": answer.variant}
    if answer.release is not None:
        headers["X-Slipway-Release"] = str(answer.release)
    return header_lines(headers)


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


def _box(one: Input, said: str | None) -> Box | None:
    if said is None:
        return None
    match = _BOX.fullmatch(said)
    if match is None:
        raise WrongUse(
            f"{BOX} is {said[:100]!r}; expected left,top,right,bottom in pixels.", mend="Such as 10,20,110,80."
        )
    if one.preprocessing.crop != "box":
        raise WrongUse(f"`{one.name}` takes whole pictures.", mend=f"Leave out {BOX}.")
    left, top, right, bottom = map(float, match.groups())
    return left, top, right, bottom
