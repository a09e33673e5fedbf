"""From a network to what is said of it: heads of all rows, predictions, a judgement.

All ranks compute their shares; rank 0 puts them in the order of the rows and goes on alone.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import distributed, nn

from slipway.training.config.schema import TrainerConfig
from slipway.training.fitting.processes import Place
from slipway.training.reading.plans import Sequential
from slipway.training.reading.reader import Reader
from slipway.training.reading.source import Source

Heads = Mapping[str, npt.NDArray[np.generic]]
Progress = Callable[[int, int], None]
"""Told how many batches of how many are done."""


class Judge:
    """Computes heads in the precision that the network was trained in."""

    def __init__(self, trainer: TrainerConfig, place: Place, group: Any, device: torch.device, batch: int) -> None:  # noqa: ANN401
        self._trainer, self._place, self._group, self._device = trainer, place, group, device
        self._batch = -(-batch // place.world) * place.world

    @torch.inference_mode()
    def heads(self, network: nn.Module, source: Source, threads: int | None, progress: Progress) -> Heads | None:
        """The heads of all rows in their order, for rank 0."""
        was_training = network.training
        network.eval()
        plan = Sequential(source.count, self._batch)
        pieces: list[dict[str, npt.NDArray[np.generic]]] = []
        with Reader(source, plan, share=self._place.share, threads=threads) as reader:
            for batch in reader:
                if len(batch.rows):
                    pieces.append({"": batch.rows.numpy(), **self._computed(network, batch.images)})
                progress(batch.step + 1, plan.epoch_steps)
        network.train(was_training)
        return self._gathered(pieces)

    def _computed(self, network: nn.Module, images: torch.Tensor) -> dict[str, npt.NDArray[np.generic]]:
        shape = torch.channels_last if self._trainer.channels_last else torch.contiguous_format
        there = images.to(self._device, non_blocking=True).contiguous(memory_format=shape)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._trainer.precision == "bf16"):
            heads = network(there)
        return {name: head.float().cpu().numpy() for name, head in heads.items()}

    def _gathered(self, pieces: list[dict[str, npt.NDArray[np.generic]]]) -> Heads | None:
        """All ranks' pieces at rank 0, by their rows."""
        everybody: list[Any] = [pieces]
        if self._place.world > 1:
            everybody = [None] * self._place.world
            distributed.gather_object(pieces, everybody if self._place.rank == 0 else None, group=self._group)
        if self._place.rank != 0:
            return None
        found = [piece for rank in everybody for piece in rank]
        order = np.argsort(np.concatenate([piece[""] for piece in found]), kind="stable")
        return {name: np.concatenate([piece[name] for piece in found])[order] for name in found[0] if name}
