"""From a model's package and the plain values of a config to its task."""

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slipway.training.config.build import build

if TYPE_CHECKING:
    from slipway.training.task import Task


def task_for(package: str, config: Mapping[str, Any]) -> "Task[Any]":
    """The task; `package` is the model's, such as `slipway.training.models.vehicle_reid`."""
    module = importlib.import_module(f"{package}.task")
    kind = importlib.import_module(f"{package}.config").Config
    task: Task[Any] = module.build(build(kind, config))
    return task
