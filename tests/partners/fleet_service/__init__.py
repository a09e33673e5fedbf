"""A real fleet service on loopback, people with real keys who ask it, and devices with real keys that report."""

from fleet_service.device import FieldDevice
from fleet_service.people import book_of, person, send
from fleet_service.running import Running, running

__all__ = ["FieldDevice", "Running", "book_of", "person", "running", "send"]
