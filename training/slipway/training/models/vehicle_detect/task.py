"""vehicle-detect for training: a detector of vehicles, as `training.detection` has it."""

from slipway.training.detection.task import Detection
from slipway.training.models.vehicle_detect.config import Config


class VehicleDetect(Detection):
    """Finds vehicles."""


def build(config: Config) -> VehicleDetect:
    """The task of this config."""
    return VehicleDetect(config)
