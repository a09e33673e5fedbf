"""Time of a simulation: one line of seconds for all, and each device's own idea of the date."""

from datetime import datetime, timedelta


class VirtualTime:
    """Seconds since the begin, moved by the simulation alone."""

    def __init__(self, begin: datetime) -> None:
        self.begin, self.passed = begin, 0.0

    def now(self) -> datetime:
        """The true date."""
        return self.begin + timedelta(seconds=self.passed)


class DeviceClock:
    """A device's clock over the common time; its date may be years off. It waits for nothing."""

    def __init__(self, time: VirtualTime, off: timedelta = timedelta()) -> None:
        self._time, self.off = time, off

    def now(self) -> datetime:
        return self._time.now() + self.off

    def monotonic(self) -> float:
        return self._time.passed

    def wait(self, seconds: float) -> bool:
        """The time that passes is the simulation's; nobody asks to stop."""
        del seconds
        return False
