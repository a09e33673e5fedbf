"""Arrays in a file, `golden.npz`: the same arrays give the same bytes, and reading runs nothing and believes nothing.

The file is what `numpy.savez` writes, so anybody can look at it, but with fixed dates, sorted names and no compression.
Reading takes plain numbers alone: no pickles, no objects, no structures, and nothing larger than the file itself.
"""

import io
import re
import struct
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from slipway.serving.bundle.errors import BadBundle

Array = npt.NDArray[np.generic]

LARGEST: Final = 256 * 1024 * 1024
"""Bytes of a file of arrays."""
MOST: Final = 256
"""Arrays in a file."""
_SUFFIX: Final = ".npy"
_NAME: Final = re.compile(r"[a-z][a-z0-9_.-]{0,150}")
_KINDS: Final = "biuf"
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_DAMAGE: Final = (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError, struct.error)
"""What the readers of zip files and of arrays say of bytes that are none."""


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
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_entries(entries, len(data), place)
            return {one.filename.removesuffix(_SUFFIX): _array(archive.read(one), one, place) for one in entries}
    except _DAMAGE as error:
        raise BadBundle(f"{place} is no file of arrays: {error}.", mend="`write_arrays` makes one.") from None


def _array_bytes(name: str, array: Array) -> bytes:
    if array.dtype.kind not in _KINDS:
        raise BadBundle(f"The array `{name}` holds {array.dtype}; only plain numbers can be written.")
    little = np.array(array, dtype=array.dtype.newbyteorder("<"), order="C", copy=True)
    header = {"descr": little.dtype.str, "fortran_order": False, "shape": little.shape}
    text = "{" + "".join(f"{key!r}: {value!r}, " for key, value in header.items()) + "}"
    start = npy.magic(1, 0)
    padding = -(len(start) + 2 + len(text) + 1) % npy.ARRAY_ALIGN
    line = (text + " " * padding + "\n").encode("latin1")
    return start + struct.pack("<H", len(line)) + line + little.tobytes()


def _check_entries(entries: Iterable[zipfile.ZipInfo], size: int, place: str) -> None:
    found = list(entries)
    if len(found) > MOST:
        raise BadBundle(f"{place} has {len(found):,} arrays, at most {MOST} are allowed.")
    names = [one.filename for one in found]
    if len(set(names)) != len(names):
        raise BadBundle(f"{place} has an array twice.")
    for one in found:
        name = one.filename.removesuffix(_SUFFIX)
        if name == one.filename or not _NAME.fullmatch(name):
            raise BadBundle(f"{place} has {one.filename[:80]!r}, which is no array.")
        if one.compress_type != zipfile.ZIP_STORED or one.file_size != one.compress_size:
            raise BadBundle(f"{place}: `{name}` is compressed; arrays are stored as they are.")
    if sum(one.file_size for one in found) > size:
        raise BadBundle(f"{place}: its arrays claim to be larger than the file.")


def _array(data: bytes, entry: zipfile.ZipInfo, place: str) -> Array:
    """One array, made of the bytes that are there and of no more."""
    file = io.BytesIO(data)
    if npy.read_magic(file) != (1, 0):
        raise BadBundle(f"{place}: {entry.filename} has another format than `write_arrays` writes.")
    shape, fortran, dtype = npy.read_array_header_1_0(file)
    if dtype.kind not in _KINDS or fortran:
        raise BadBundle(f"{place}: {entry.filename} holds {dtype}; expected plain numbers in C order.")
    count = 1
    for length in shape:
        count *= length
    body = data[file.tell() :]
    if any(length < 0 for length in shape) or count * dtype.itemsize != len(body):
        raise BadBundle(f"{place}: {entry.filename} claims the shape {shape} and has {len(body):,} bytes.")
    return np.frombuffer(body, dtype).reshape(shape)
