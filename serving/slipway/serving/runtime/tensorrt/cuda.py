"""The little of CUDA that running an engine needs, through the driver's own library.

`libcuda` is there wherever a driver is, so nothing else has to be installed or found. TensorRT works in the device's
primary context, and so does this.
"""

import ctypes
from contextlib import suppress
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from slipway.serving.runtime.errors import ModelUnfit

LIBRARIES: Final = ("libcuda.so.1", "libcuda.so")
MAJOR: Final = 75
MINOR: Final = 76
"""Attributes of a device: its compute capability."""
NON_BLOCKING: Final = 1
PORTABLE: Final = 1
LONGEST_NAME: Final = 256
FUNCTIONS: Final = {
    "cuInit": (ctypes.c_uint,),
    "cuDeviceGet": (ctypes.c_void_p, ctypes.c_int),
    "cuDeviceGetName": (ctypes.c_char_p, ctypes.c_int, ctypes.c_int),
    "cuDeviceGetAttribute": (ctypes.c_void_p, ctypes.c_int, ctypes.c_int),
    "cuDevicePrimaryCtxRetain": (ctypes.c_void_p, ctypes.c_int),
    "cuCtxSetCurrent": (ctypes.c_void_p,),
    "cuMemAlloc_v2": (ctypes.c_void_p, ctypes.c_size_t),
    "cuMemFree_v2": (ctypes.c_uint64,),
    "cuMemHostAlloc": (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint),
    "cuMemFreeHost": (ctypes.c_void_p,),
    "cuMemcpyHtoDAsync_v2": (ctypes.c_uint64, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p),
    "cuMemcpyDtoHAsync_v2": (ctypes.c_void_p, ctypes.c_uint64, ctypes.c_size_t, ctypes.c_void_p),
    "cuStreamCreate": (ctypes.c_void_p, ctypes.c_uint),
    "cuStreamSynchronize": (ctypes.c_void_p,),
    "cuStreamDestroy_v2": (ctypes.c_void_p,),
    "cuGetErrorName": (ctypes.c_int, ctypes.c_void_p),
}
"""What is called, with the types of the arguments; pointers to results are passed as plain pointers."""


class HostMemory(Protocol):
    """Memory of this process that the device copies from and to."""

    address: int
    array: npt.NDArray[np.uint8]

    def free(self) -> None:
        """Give it back; the array must not be touched afterwards."""


class Cuda(Protocol):
    """A device."""

    def enter(self) -> None:
        """Let the calling thread use the device."""

    def allocate(self, size: int) -> int:
        """The address of memory on the device."""

    def free(self, address: int) -> None: ...

    def host(self, size: int) -> HostMemory:
        """Page-locked, or plain where there is none left."""

    def stream(self) -> int: ...

    def end_stream(self, stream: int) -> None: ...

    def to_device(self, device: int, host: int, size: int, stream: int) -> None: ...

    def to_host(self, host: int, device: int, size: int, stream: int) -> None: ...

    def wait(self, stream: int) -> None:
        """Until all that was put into the stream is done."""


class Driver:
    """`Cuda` by the driver's library."""

    def __init__(self, library: Any = None, device: int = 0) -> None:  # noqa: ANN401 - what ctypes loads
        self._library = library if library is not None else _loaded()
        for name, types in FUNCTIONS.items():
            getattr(self._library, name).argtypes = types
        self._call("cuInit", 0)
        self._device = self._asked(ctypes.c_int, "cuDeviceGet", device)
        self._context: int | None = None

    @property
    def capability(self) -> tuple[int, int]:
        """The device's, such as (8, 7)."""
        major, minor = (
            self._asked(ctypes.c_int, "cuDeviceGetAttribute", which, self._device) for which in (MAJOR, MINOR)
        )
        return major, minor

    @property
    def name(self) -> str:
        """What the device calls itself."""
        text = ctypes.create_string_buffer(LONGEST_NAME)
        self._call("cuDeviceGetName", text, LONGEST_NAME, self._device)
        return text.value.decode(errors="replace")

    def enter(self) -> None:
        if self._context is None:
            self._context = self._asked(ctypes.c_void_p, "cuDevicePrimaryCtxRetain", self._device)
        self._call("cuCtxSetCurrent", self._context)

    def allocate(self, size: int) -> int:
        return self._asked(ctypes.c_uint64, "cuMemAlloc_v2", size)

    def free(self, address: int) -> None:
        self._call("cuMemFree_v2", address)

    def host(self, size: int) -> HostMemory:
        try:
            address = self._asked(ctypes.c_void_p, "cuMemHostAlloc", size, PORTABLE)
        except ModelUnfit:
            return PlainMemory(size)
        return _Locked(self, address, size)

    def free_host(self, address: int) -> None:
        """Of page-locked memory."""
        self._call("cuMemFreeHost", address)

    def stream(self) -> int:
        return self._asked(ctypes.c_void_p, "cuStreamCreate", NON_BLOCKING)

    def end_stream(self, stream: int) -> None:
        self._call("cuStreamDestroy_v2", stream)

    def to_device(self, device: int, host: int, size: int, stream: int) -> None:
        self._call("cuMemcpyHtoDAsync_v2", device, host, size, stream)

    def to_host(self, host: int, device: int, size: int, stream: int) -> None:
        self._call("cuMemcpyDtoHAsync_v2", host, device, size, stream)

    def wait(self, stream: int) -> None:
        self._call("cuStreamSynchronize", stream)

    def _asked(self, kind: Any, function: str, *arguments: Any) -> int:  # noqa: ANN401 - ctypes
        """What a function writes to where its first argument points."""
        found = kind()
        self._call(function, ctypes.byref(found), *arguments)
        return int(found.value or 0)

    def _call(self, function: str, *arguments: Any) -> None:  # noqa: ANN401
        code = getattr(self._library, function)(*arguments)
        if code:
            raise ModelUnfit(f"The graphics processor failed: {function} says {self._error(code)}.")

    def _error(self, code: int) -> str:
        name = ctypes.c_char_p()
        if self._library.cuGetErrorName(code, ctypes.byref(name)) or not name.value:
            return str(code)
        return f"{name.value.decode(errors='replace')} ({code})"


class PlainMemory:
    """Memory like any other."""

    def __init__(self, size: int) -> None:
        self.array = np.empty(size, np.uint8)
        self.address = int(self.array.ctypes.data)

    def free(self) -> None:
        """The array goes when nobody holds it."""


class _Locked:
    """Memory that stays where it is, so that the device copies by itself."""

    def __init__(self, driver: Driver, address: int, size: int) -> None:
        self._driver, self.address = driver, address
        self.array = np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))

    def free(self) -> None:
        self._driver.free_host(self.address)


def _loaded() -> Any:  # noqa: ANN401
    for name in LIBRARIES:
        with suppress(OSError):
            return ctypes.CDLL(name)
    raise ModelUnfit("There is no driver of a graphics processor here (libcuda.so.1).")
