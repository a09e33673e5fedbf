"""What this machine is, as the agent sees it.

Answers the first question about a device that misbehaves: which software, which machine, which accelerators does
ONNX Runtime find. Reads only what every device has. A runtime that does not load is a finding to show, not a crash.
"""

import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slipway.serving.edge.configuration import Home

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Runtime:
    """ONNX Runtime on this machine; `problem` says why it does not load."""

    version: str | None
    providers: tuple[str, ...] = ()
    problem: str | None = None


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
    enrolled: bool

    def as_json(self) -> dict[str, Any]:
        """Plain values, as `--json` prints them."""
        return asdict(self)

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
            "enrolled": "yes" if self.enrolled else "no: this device belongs to no fleet and follows no channel",
        }
        width = max(map(len, rows))
        return [f"{name:<{width}}  {value}" for name, value in rows.items()]


def read_status(home: "Home") -> Status:
    """Look at this machine, and at what was enrolled in its folder."""
    runtime = _runtime()
    return Status(
        slipway_serving=version("slipway-serving"),
        python=platform.python_version(),
        system=platform.system(),
        architecture=platform.machine(),
        onnxruntime=runtime,
        memory_bytes=resident_memory(),
        enrolled=home.find() is not None,
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
