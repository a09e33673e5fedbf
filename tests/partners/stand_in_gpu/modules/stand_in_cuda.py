"""A driver's library that is not there: its memory is ours, and a stream does nothing before somebody waits for it.

Real C functions made of Python's, so that arguments pass through the types that the caller declared. As on a device,
what is put into a stream happens later, memory is used after it was allocated and before it was freed, and a thread
must have entered a context.
"""

import ctypes
import itertools
import threading
from collections.abc import Callable
from typing import Any

INVALID_VALUE, INVALID_CONTEXT, OUT_OF_MEMORY = 1, 201, 2
CONTEXT = 4242
POINTER = ctypes.c_void_p


class Library:
    """What ctypes would have loaded."""

    def __init__(self, capability: tuple[int, int] = (8, 7), page_locked: int = 1 << 30) -> None:
        self.capability, self.page_locked = capability, page_locked
        self.memory: dict[int, Any] = {}
        self.host: dict[int, Any] = {}
        self.streams: dict[int, list[Callable[[], object]]] = {}
        self.failing = 0
        self._numbers = itertools.count(77)
        self._entered = threading.local()
        for name in [one for one in vars(Library) if one.startswith("cu")]:
            method = getattr(self, name)
            kinds = [POINTER if kind == "p" else ctypes.c_uint64 for kind in KINDS[name]]
            setattr(self, name, ctypes.CFUNCTYPE(ctypes.c_int, *kinds)(method))

    def cuInit(self, flags: int) -> int:  # noqa: N802 - the library's names
        return flags

    def cuDeviceGet(self, device: int, number: int) -> int:  # noqa: N802
        return _write(ctypes.c_int, device, 0) if number == 0 else 101

    def cuDeviceGetName(self, text: int, length: int, device: int) -> int:  # noqa: N802, ARG002
        ctypes.memmove(text, b"Stand-in\0", 9)
        return 0

    def cuDeviceGetAttribute(self, found: int, which: int, device: int) -> int:  # noqa: N802, ARG002
        return _write(ctypes.c_int, found, self.capability[which - 75])

    def cuDevicePrimaryCtxRetain(self, context: int, device: int) -> int:  # noqa: N802, ARG002
        return _write(ctypes.c_void_p, context, CONTEXT)

    def cuCtxSetCurrent(self, context: int) -> int:  # noqa: N802
        self._entered.context = context
        return 0 if context == CONTEXT else INVALID_CONTEXT

    def cuMemAlloc_v2(self, address: int, size: int) -> int:  # noqa: N802
        return self._reserve(self.memory, address, size)

    def cuMemFree_v2(self, address: int) -> int:  # noqa: N802
        return 0 if self.memory.pop(address, None) else INVALID_VALUE

    def cuMemHostAlloc(self, address: int, size: int, flags: int) -> int:  # noqa: N802, ARG002
        if size > self.page_locked:
            return OUT_OF_MEMORY
        return self._reserve(self.host, address, size)

    def cuMemFreeHost(self, address: int) -> int:  # noqa: N802
        return 0 if self.host.pop(address, None) else INVALID_VALUE

    def cuMemcpyHtoDAsync_v2(self, device: int, host: int, size: int, stream: int) -> int:  # noqa: N802
        return self._copy(device, host, size, stream, device)

    def cuMemcpyDtoHAsync_v2(self, host: int, device: int, size: int, stream: int) -> int:  # noqa: N802
        return self._copy(host, device, size, stream, device)

    def cuStreamCreate(self, stream: int, flags: int) -> int:  # noqa: N802, ARG002
        number = next(self._numbers)
        self.streams[number] = []
        return self._there() or _write(ctypes.c_void_p, stream, number)

    def cuStreamSynchronize(self, stream: int) -> int:  # noqa: N802
        if self.failing:
            return self.failing
        waiting, self.streams[stream] = self.streams[stream], []
        for one in waiting:
            one()
        return self._there()

    def cuStreamDestroy_v2(self, stream: int) -> int:  # noqa: N802
        return 0 if self.streams.pop(stream, None) is not None else INVALID_VALUE

    def cuGetErrorName(self, code: int, name: int) -> int:  # noqa: N802
        text = {OUT_OF_MEMORY: b"CUDA_ERROR_OUT_OF_MEMORY", INVALID_CONTEXT: b"CUDA_ERROR_INVALID_CONTEXT"}.get(code)
        return _write(ctypes.c_char_p, name, text) if text else INVALID_VALUE

    def put(self, stream: int, what: Callable[[], object]) -> None:
        """Have something happen when the stream's turn comes."""
        self.streams[stream].append(what)

    def held(self, address: int, size: int) -> bool:
        """Whether this is memory of the device."""
        return address in self.memory and len(self.memory[address]) >= size

    def _there(self) -> int:
        return 0 if getattr(self._entered, "context", None) == CONTEXT else INVALID_CONTEXT

    def _reserve(self, kept: dict[int, Any], address: int, size: int) -> int:
        if self._there() or not size:
            return self._there() or INVALID_VALUE
        memory = (ctypes.c_uint8 * size)()
        kept[ctypes.addressof(memory)] = memory
        return _write(ctypes.c_uint64, address, ctypes.addressof(memory))

    def _copy(self, to: int, source: int, size: int, stream: int, device: int) -> int:
        if self._there() or not self.held(device, size) or stream not in self.streams:
            return self._there() or INVALID_VALUE
        self.put(stream, lambda: ctypes.memmove(to, source, size))
        return 0


KINDS = {
    "cuInit": "n",
    "cuDeviceGet": "pn",
    "cuDeviceGetName": "pnn",
    "cuDeviceGetAttribute": "pnn",
    "cuDevicePrimaryCtxRetain": "pn",
    "cuCtxSetCurrent": "p",
    "cuMemAlloc_v2": "pn",
    "cuMemFree_v2": "n",
    "cuMemHostAlloc": "pnn",
    "cuMemFreeHost": "p",
    "cuMemcpyHtoDAsync_v2": "npnp",
    "cuMemcpyDtoHAsync_v2": "pnnp",
    "cuStreamCreate": "pn",
    "cuStreamSynchronize": "p",
    "cuStreamDestroy_v2": "p",
    "cuGetErrorName": "np",
}
LIBRARY = Library()


def _write(kind: Any, address: int, value: Any) -> int:
    ctypes.cast(address, ctypes.POINTER(kind))[0] = value
    return 0


def install() -> None:
    """Have ctypes find this library under the driver's name."""
    real = ctypes.CDLL

    def loaded(name: Any, *options: Any, **more: Any) -> Any:
        return LIBRARY if str(name).startswith("libcuda.so") else real(name, *options, **more)

    ctypes.CDLL = loaded  # type: ignore[assignment,misc]
