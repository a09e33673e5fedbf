"""Arrays in a file, `golden.npz`: the same arrays give the same bytes, and reading runs nothing and believes nothing.

The file is what `numpy.savez` writes, so anybody can look at it, but with fixed dates, sorted names and no compression.
Reading takes plain numbers alone: no pickles, no objects, no structures, and nothing larger than the file itself.
"""

import io
import math
import re
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from slipway.serving.bundle.errors import BadBundle

Array = npt.NDArray[np.generic]

LARGEST: Final = 256 * 1024 * 1024
"""Bytes of a file of arrays."""
MOST: Final = 256
"""Arrays in a file."""
_SUFFIX: Final = ".npy"
_NAME: Final = re.compile(r"[a-z][a-z0-9_.-]{0,150}")
_KINDS: Final = "biuf"
_LARGEST_NUMBER: Final = 8
_ENTRY: Final = b"PK\x01\x02"
"""Begins what a zip file says of each of its files."""
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_MAGIC: Final = b"\x93NUMPY\x01\x00"
_LENGTH: Final = struct.Struct("<H")
_ALIGNED: Final = 64
_HEADER: Final = re.compile(
    rb"\{'descr': '(?P<dtype>\|[biu]1|<[iuf][248])', 'fortran_order': False, "
    rb"'shape': \((?P<shape>(?:\d{1,12},? ?){0,16})\), \} *\n"
)
"""What NumPy writes before plain numbers; matched instead of evaluated."""


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write them, sorted by name."""
    path.write_bytes(encoded(arrays))


def read_arrays(path: Path) -> dict[str, Array]:
    """What `write_arrays` has written; anything else is refused."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise BadBundle(f"{path} cannot be read ({error.strerror}).") from None
    return decoded(data, path.name)


def encoded(arrays: Mapping[str, Array]) -> bytes:
    """The bytes of a file of arrays."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            if not _NAME.fullmatch(name):
                raise BadBundle(
                    f"`{name}` is no name for an array; expected lower-case letters, digits, `_`, `-`, `.`."
                )
            entry = zipfile.ZipInfo(name + _SUFFIX, _DATE)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, _array_bytes(name, arrays[name]))
    return buffer.getvalue()


def decoded(data: bytes, place: str) -> dict[str, Array]:
    """The arrays in these bytes."""
    if len(data) > LARGEST:
        raise BadBundle(f"{place} has more than {LARGEST:,} bytes.")
    if data.count(_ENTRY) > 2 * MOST:  # before zipfile makes an object of each; numbers may look like one by chance
        raise BadBundle(f"{place} has more than {MOST} arrays.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_entries(entries, len(data), place)
            return {one.filename.removesuffix(_SUFFIX): _array(archive.read(one), one, place) for one in entries}
    except BadBundle:
        raise
    except Exception as error:  # noqa: BLE001 - what zipfile says of bytes that are no zip file has no common class
        raise BadBundle(f"{place} is no file of arrays: {error}.", mend="`write_arrays` makes one.") from None


def _array_bytes(name: str, array: Array) -> bytes:
    if array.dtype.kind not in _KINDS or array.dtype.itemsize > _LARGEST_NUMBER:
        raise BadBundle(f"The array `{name}` holds {array.dtype}; only plain numbers can be written.")
    little = np.array(array, dtype=array.dtype.newbyteorder("<"), order="C", copy=True)
    text = f"{{'descr': {little.dtype.str!r}, 'fortran_order': False, 'shape': {little.shape!r}, }}"
    padding = -(len(_MAGIC) + _LENGTH.size + len(text) + 1) % _ALIGNED
    line = (text + " " * padding + "\n").encode()
    return _MAGIC + _LENGTH.pack(len(line)) + line + little.tobytes()


def _check_entries(entries: Sequence[zipfile.ZipInfo], size: int, place: str) -> None:
    if len(entries) > MOST:
        raise BadBundle(f"{place} has {len(entries):,} arrays, at most {MOST} are allowed.")
    if len({one.filename for one in entries}) != len(entries):
        raise BadBundle(f"{place} has an array twice.")
    for one in entries:
        name = one.filename.removesuffix(_SUFFIX)
        if name == one.filename or not _NAME.fullmatch(name):
            raise BadBundle(f"{place} has {one.filename[:80]!r}, which is no array.")
        if one.compress_type != zipfile.ZIP_STORED or one.file_size != one.compress_size:
            raise BadBundle(f"{place}: `{name}` is compressed; arrays are stored as they are.")
    if sum(one.file_size for one in entries) > size:
        raise BadBundle(f"{place}: its arrays claim to be larger than the file.")


def _array(data: bytes, entry: zipfile.ZipInfo, place: str) -> Array:
    """One array, made of the bytes that are there and of no more."""
    start = len(_MAGIC) + _LENGTH.size
    end = start + _LENGTH.unpack(data[len(_MAGIC) : start])[0] if data.startswith(_MAGIC) and len(data) >= start else 0
    header = _HEADER.fullmatch(data[start:end])
    if header is None:
        raise BadBundle(f"{place}: {entry.filename} holds no plain numbers in C order, as `write_arrays` writes them.")
    dtype = np.dtype(header["dtype"].decode())
    shape = tuple(int(size) for size in re.findall(rb"\d+", header["shape"]))
    if math.prod(shape) * dtype.itemsize != len(data) - end:
        raise BadBundle(f"{place}: {entry.filename} claims the shape {shape} and has {len(data) - end:,} bytes.")
    return np.frombuffer(data, dtype, offset=end).reshape(shape)
