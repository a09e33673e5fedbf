"""Lightning's Trainer as this package uses it: its strategies, devices, precision and hooks, and nothing that writes.

Three of its habits are switched off. Its own handling of SIGTERM ends a training wherever it stands, and the broadcast
that goes with it waits for a GPU at every step: `Request` and `Agreement` do both. And at every step it studies the
signature of `training_step`, which is ours and does not change.
"""

import logging
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy, Strategy

from slipway.training.config.schema import TrainerConfig
from slipway.training.fitting.processes import Place

PRECISIONS: Any = {"fp32": "32-true", "bf16": "bf16-mixed"}


def trainer(config: TrainerConfig, place: Place, device: torch.device, callback: Callback, epochs: int) -> Trainer:
    """A bare trainer for so many epochs."""
    made = Trainer(
        accelerator="cpu" if config.on_cpu else "gpu",
        devices=_devices(config, place, device),
        num_nodes=place.world // place.locals,
        strategy=_strategy(place, device),
        precision=PRECISIONS[config.precision],
        max_epochs=epochs,
        callbacks=[callback],
        limit_val_batches=0,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    made._signal_connector.register_signal_handlers = _nothing  # type: ignore[method-assign]  # noqa: SLF001
    made.fit_loop.epoch_loop._broadcast_sigterm_tensor = _nothing  # type: ignore[method-assign]  # noqa: SLF001
    made.fit_loop.epoch_loop._build_kwargs = _arguments  # type: ignore[assignment,method-assign]  # noqa: SLF001
    return made


@contextmanager
def quiet() -> Iterator[None]:
    """Without advice for other ways of using it."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def exact(threads: int) -> Iterator[None]:
    """Let torch compute the same way every time."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    benchmark, fills = torch.backends.cudnn.benchmark, torch._C._get_deterministic_fill_uninitialized_memory()  # noqa: SLF001
    _compute(threads, deterministic=True, benchmark=False, fills=False)
    try:
        yield
    finally:
        _compute(before[0], deterministic=before[1], benchmark=benchmark, fills=fills)


def _compute(threads: int, *, deterministic: bool, benchmark: bool, fills: bool) -> None:
    """As `use_deterministic_algorithms` does it, which would load the compiler to tell it so."""
    torch.set_num_threads(threads)
    torch._C._set_deterministic_algorithms(deterministic)  # noqa: SLF001
    torch._C._set_deterministic_fill_uninitialized_memory(fills)  # noqa: SLF001
    torch.backends.cudnn.benchmark = benchmark


def _devices(config: TrainerConfig, place: Place, device: torch.device) -> Any:  # noqa: ANN401 - as Lightning takes it
    if place.world > 1:
        return place.locals
    return 1 if config.on_cpu else [device.index or 0]


def _strategy(place: Place, device: torch.device) -> Strategy:
    if place.world == 1:
        return SingleDeviceStrategy(device=device)
    # Statistics of batches are shared where they are computed: there is nothing to broadcast.
    return DDPStrategy(
        cluster_environment=TorchElasticEnvironment(), broadcast_buffers=False, gradient_as_bucket_view=True
    )


def _arguments(arguments: OrderedDict[str, Any], batch: object, batch_idx: int) -> OrderedDict[str, Any]:
    """Those of `Learner.training_step`."""
    arguments["batch"], arguments["batch_idx"] = batch, batch_idx
    return arguments


def _nothing() -> None:
    """Instead of what is switched off."""
