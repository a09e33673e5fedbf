"""What this machine is and what it runs, as the agent sees it.

Answers the first questions about a device that misbehaves: which software, which machine, which accelerators does
ONNX Runtime find; who is it, what does it follow, what answers. Reads only; the agent may be at work meanwhile. A
runtime that does not load is a finding to show, not a crash.
"""

import platform
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slipway.serving.edge.agent.state import State
    from slipway.serving.edge.configuration import Enrolment, Home
    from slipway.serving.edge.fleet.book import Trouble
    from slipway.serving.edge.fleet.streams_page import Page

MEBIBYTE = 1024 * 1024
CLOCK_OFF_S = 60.0
"""Less is not worth telling."""


@dataclass(frozen=True)
class Runtime:
    """ONNX Runtime on this machine; `problem` says why it does not load."""

    version: str | None
    providers: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class Membership:
    """Who this device is, and how its models stand."""

    enrolment: "Enrolment"
    agent: str | None
    """Who works in its folder now; None where nobody does."""
    now: datetime
    """What the clock says."""
    looked: datetime | None
    """When it last looked at the channel and believed it."""
    states: dict[str, "State"]
    building: dict[str, str] = field(default_factory=dict)
    """Of models whose engine is built now, how far that is."""
    reached: datetime | None = None
    """When the fleet service took a report last."""
    trouble: "Trouble | None" = None
    """Why it takes none now."""
    waiting: int | None = None
    """Bytes that wait to be told to it; None where nobody can say."""
    configuration: int | None = None
    """Number of the site's configuration that is followed."""
    page: "Page | None" = None
    """How the streams are; None where none are run."""

    @property
    def time(self) -> datetime:
        """The device's time, the latest of its models'."""
        from slipway.serving.edge.agent.clock import device_time

        return max(device_time(self.now, self.enrolment.enrolled_at, state) for state in self.states.values())

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        from slipway.serving.edge.reporting import model_json

        return {
            "id": self.enrolment.id,
            "class": self.enrolment.device_class,
            "cohorts": list(self.enrolment.cohorts),
            "channel": self.enrolment.channel,
            "enrolled_at": self.enrolment.enrolled_at.isoformat(),
            "agent": self.agent,
            "looked_at": self.looked.isoformat() if self.looked else None,
            "clock": self.now.isoformat(),
            "time": self.time.isoformat(),
            "models": {model: model_json(state, self.enrolment, self.now) for model, state in self.states.items()},
            "building": self.building,
            "fleet": self.enrolment.fleet,
            "site": self.enrolment.site,
            "reached_at": self.reached.isoformat() if self.reached else None,
            "trouble": self.trouble.model_dump(mode="json") if self.trouble else None,
            "waiting_bytes": self.waiting,
            "configuration": self.configuration,
            "streams": self.page.model_dump(mode="json") if self.page else None,
        }

    def rows(self) -> dict[str, str]:
        """For people."""
        device, behind = self.enrolment, (self.time - self.now).total_seconds()
        cohorts = f", cohorts {', '.join(device.cohorts)}" if device.cohorts else ""
        time = f"{self.time:%Y-%m-%d %H:%M:%S} UTC"
        if behind > CLOCK_OFF_S:
            time += f"; the clock says {self.now:%Y-%m-%d %H:%M:%S}, which is past already: set it"
        return {
            "enrolled": f"{device.id}, class {device.device_class}{cohorts}, {device.enrolled_at:%Y-%m-%d}",
            "channel": device.channel,
            "looked": f"{self.looked:%Y-%m-%d %H:%M:%S} UTC" if self.looked else "never",
            "time": time,
            "agent": self.agent or "does not run",
            **self._fleet(),
            **self._site(),
        }

    def _fleet(self) -> dict[str, str]:
        if self.enrolment.fleet is None:
            return {}
        reached = f"reached {self.reached:%Y-%m-%d %H:%M:%S} UTC" if self.reached else "never reached"
        waiting = "an unknown number of" if self.waiting is None else f"{self.waiting:,}"
        rows = {"fleet": f"{self.enrolment.fleet}, {reached}; {waiting} bytes wait to be sent"}
        if self.trouble is not None:
            rows["trouble"] = f"since {self.trouble.since:%Y-%m-%d %H:%M} UTC: {self.trouble.why}"
        return rows

    def _site(self) -> dict[str, str]:
        if self.enrolment.site is None:
            return {}
        followed = "nothing is configured" if self.configuration is None else f"configuration {self.configuration}"
        rows = {"site": f"{self.enrolment.site}, {followed}"}
        if self.page is not None:
            states = ", ".join(f"{name} {state}" for name, state in self.page.streams.items())
            of_site = self.page.by == "site"
            rows["streams"] = (states or "none") if of_site else "those of the command line; the site's do not run"
            if self.page.troubles:
                rows["not followed"] = "; ".join(f"{about}: {why}" for about, why in self.page.troubles.items())
        return rows


@dataclass(frozen=True)
class Status:
    """One device at one moment."""

    slipway_serving: str
    python: str
    system: str
    architecture: str
    onnxruntime: Runtime
    memory_bytes: int | None
    """Resident memory of this process with the runtime loaded; None where the system does not tell."""
    home: str
    device: Membership | None
    """None where this machine was never enrolled."""

    def as_json(self) -> dict[str, Any]:
        """Plain values, as `--json` prints them."""
        machine = {name: getattr(self, name) for name in ("slipway_serving", "python", "system", "architecture")}
        return {
            **machine,
            "onnxruntime": asdict(self.onnxruntime),
            "memory_bytes": self.memory_bytes,
            "home": self.home,
            "enrolled": self.device is not None,
            "device": self.device.as_json() if self.device else None,
        }

    def lines(self) -> list[str]:
        """The same for people."""
        runtime = self.onnxruntime
        found = runtime.problem or f"{runtime.version}, providers: {', '.join(runtime.providers)}"
        memory = "unknown" if self.memory_bytes is None else f"{self.memory_bytes / MEBIBYTE:.0f} MiB resident"
        rows = {
            "slipway-serving": self.slipway_serving,
            "python": self.python,
            "machine": f"{self.system}, {self.architecture}",
            "onnxruntime": found,
            "memory": memory,
            "folder": self.home,
            "enrolled": "no: this device belongs to no fleet and follows no channel",
            **(self.device.rows() if self.device else {}),
        }
        width = max(map(len, rows))
        lines = [f"{name:<{width}}  {value}" for name, value in rows.items()]
        if self.device:
            from slipway.serving.edge.reporting import model_lines

            for model, state in self.device.states.items():
                lines += ["", *model_lines(state, self.device.enrolment, self.device.now)]
                if model in self.device.building:
                    lines.append(f"  building    {self.device.building[model]}")
        return lines


def read_status(home: "Home", now: datetime) -> Status:
    """Look at this machine, and at what was enrolled in its folder."""
    runtime = _runtime()
    return Status(
        slipway_serving=version("slipway-serving"),
        python=platform.python_version(),
        system=platform.system(),
        architecture=platform.machine(),
        onnxruntime=runtime,
        memory_bytes=resident_memory(),
        home=str(home.folder),
        device=_membership(home, now),
    )


def _membership(home: "Home", now: datetime) -> Membership | None:
    enrolment = home.find()
    if enrolment is None:
        return None
    from slipway.serving.edge.building import how_far
    from slipway.serving.edge.fleet import streams_page
    from slipway.serving.edge.fleet.book import last_reached, read_page
    from slipway.serving.edge.fleet.site import configuration
    from slipway.serving.edge.holding import holder
    from slipway.serving.edge.reporting import states_of
    from slipway.serving.edge.telemetry.spool import waiting_in
    from slipway.serving.edge.telemetry.telling import FILE

    agent, states = holder(home.folder), states_of(home, enrolment)
    far = {model: how_far(home, state, agent) for model, state in states.items()}
    building = {model: told for model, told in far.items() if told is not None}
    reached, trouble = last_reached(home), read_page(home).trouble
    return Membership(
        enrolment,
        agent,
        now,
        home.last_look(),
        states,
        building,
        reached,
        trouble,
        waiting_in(home.folder / FILE),
        configuration(home, enrolment),
        streams_page.read_page(home) if agent else None,
    )


def resident_memory(process_status: Path = Path("/proc/self/status")) -> int | None:
    """This process's resident memory in bytes. Not from `getrusage`: its peak is inherited from whoever started us."""
    try:
        text = process_status.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    sizes = [line.split()[1] for line in text.splitlines() if line.startswith("VmRSS:")]
    return int(sizes[0]) * 1024 if sizes else None


def _runtime() -> Runtime:
    """Load ONNX Runtime, which takes a second on small devices and fails where a driver's library is missing."""
    try:
        import onnxruntime
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a foreign library's start is the finding
        return Runtime(version=None, problem=f"does not load: {type(error).__name__}: {error}")
    return Runtime(version=onnxruntime.__version__, providers=tuple(onnxruntime.get_available_providers()))
