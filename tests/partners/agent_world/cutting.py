"""A device's disk whose power is cut: that of simulated fleets, for tests."""

from slipway.serving.fleet.simulation.cutting import Cut, CuttingDisk, Full, Moment, PowerCut, Unsynced

__all__ = ["Cut", "CuttingDisk", "Full", "Moment", "PowerCut", "Unsynced"]
