"""Memory for batches that is used again once nobody looks at it any more.

The system clears pages before it hands them out, which costs as much as gathering a batch of crops. So the memory of a
batch whose last tensor, view or array is gone serves a later batch. A batch that the consumer keeps stays its own.
Pinned memory comes from torch, which recycles it itself and knows when a copy to the GPU is done with it.
"""

from weakref import finalize

import numpy as np
import torch

from slipway.training.reading.pixels import Pixels


class Buffers:
    """Gives out tensors of uint8; at most `keep` unused ones are held."""

    def __init__(self, keep: int, *, pin: bool) -> None:
        self._keep = keep
        self._pin = pin
        self._free: list[Pixels] = []
        self.taken = 0
        """How often memory was asked from the system."""

    def tensor(self, shape: tuple[int, ...]) -> torch.Tensor:
        """A tensor with arbitrary content."""
        if self._pin:
            return torch.empty(shape, dtype=torch.uint8, pin_memory=True)
        memory = self._memory(shape)
        # The tensor's storage holds this very array, and so does every view of the tensor: it dies with the last.
        lease = memory.view()
        finalize(lease, self._give_back, memory).atexit = False
        return torch.from_numpy(lease)

    def _memory(self, shape: tuple[int, ...]) -> Pixels:
        """Popping and appending are safe for many threads; a race costs at most a buffer more."""
        while self._free:
            memory = self._free.pop()
            if memory.shape == shape:
                return memory
        self.taken += 1
        return np.empty(shape, np.uint8)

    def _give_back(self, memory: Pixels) -> None:
        if len(self._free) < self._keep:
            self._free.append(memory)
