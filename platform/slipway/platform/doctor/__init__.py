"""`slipway doctor`: what the current context needs, checked in parallel, each failing hop with its mend."""

from slipway.platform.doctor.check import Check, Finding, Status, examine
from slipway.platform.doctor.checks import checks_for

__all__ = ["Check", "Finding", "Status", "checks_for", "examine"]
