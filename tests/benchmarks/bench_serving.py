"""`slipway-edge serve` against a bare loop around the session, and against other servers; one thread for each model.

The servers and the callers are processes of their own. What is counted is not always time on the wall: a `Meter` takes
what the callers or the kernel have measured.

LitServe is measured where it is installed, here or in the environment whose interpreter LITSERVE_PYTHON names.
"""

import importlib.util
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from json import load as read_json
from pathlib import Path

import serving_net
from harness import Figures, Pair
from serving_load import Callers, Load, Told, callers
from slipway.serving.bundle.folder import Bundle
from slipway.serving.runtime.session import Session, open_session

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OURS = f"/v1/models/{serving_net.MODEL}/infer"
ALONE = 400
"""Requests of one connection in a sample."""
TOGETHER = 500
"""Requests of several connections in a sample."""
SWAPS = 10
"""In a sample."""
ENDLESS = 1_000_000
LITSERVE = "LITSERVE_PYTHON"


class Meter:
    """A clock that shows what was measured elsewhere."""

    def __init__(self) -> None:
        self._shown = 0.0

    def add(self, seconds: float) -> None:
        """Go on by so much."""
        self._shown += seconds

    def __call__(self) -> float:
        """What it shows."""
        return self._shown


@dataclass(frozen=True)
class Served:
    """A server process, and where it is asked."""

    process: "subprocess.Popen[bytes]"
    port: int
    path: str

    def cpu(self) -> float:
        """Processor seconds that it and its children have taken."""
        ticks = 0
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and self._owns(int(entry.name)):
                fields = (entry / "stat").read_text().rpartition(") ")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """What it has in memory."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024

    def _owns(self, pid: int) -> bool:
        try:
            return os.getsid(pid) == self.process.pid
        except ProcessLookupError:
            return False


@contextmanager
def pairs() -> Iterator[list[Pair]]:
    """Latency alone, throughput together, processor time against others, and exchanging the model under load."""
    state = ROOT / ".slipway" / "bench"
    state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state) as scratch, ExitStack() as stack:
        folder = Path(scratch)
        bundles = [serving_net.bundle(folder / name, seed) for seed, name in enumerate("ab")]
        body = folder / "picture"
        body.write_bytes(serving_net.picture().tobytes())
        asking = Asking(stack.enter_context(callers()), str(body))
        current = folder / "current"
        current.symlink_to(bundles[0].folder)
        ours = stack.enter_context(our_server(current))
        session = open_session(bundles[0].path("fp32"), serving_net.CONTRACT)
        found = [alone(asking, ours, session), *(together(asking, ours, session, count) for count in (8, 32))]
        model = bundles[0].path("fp32")
        bare = [sys.executable, str(HERE / "serving_asyncio.py"), str(model)]
        found.append(written_by_hand(asking, ours, stack.enter_context(serving(bare, "/infer"))))
        for name, python in others().items():
            path = "/infer" if name == "fastapi" else "/predict"
            other = stack.enter_context(serving([python, str(HERE / f"serving_{name}.py"), str(model)], path))
            found += [against(asking, ours, other, name, count) for count in (8, 32)]
        yield [*found, swapping(asking, ours, current, bundles)]


def others() -> dict[str, str]:
    """Servers to compare with, and the interpreter of each."""
    found = {"fastapi": sys.executable}
    if python := os.environ.get(LITSERVE):
        found["litserve"] = python
    elif importlib.util.find_spec("litserve"):
        found["litserve"] = sys.executable
    return found


class Asking:
    """The callers, with what they send."""

    def __init__(self, callers: Callers, body: str) -> None:
        self.callers, self._body = callers, body

    def load(self, server: Served, connections: int) -> Load:
        """So many connections to a server."""
        requests = ALONE if connections == 1 else TOGETHER
        return Load(port=server.port, path=server.path, body=self._body, connections=connections, requests=requests)

    def __call__(self, server: Served, connections: int) -> Told:
        """Ask, and see that all were answered."""
        told = self.callers(self.load(server, connections))
        if set(told.codes) != {"200"}:
            raise RuntimeError(f"answers with the codes {told.codes}")
        return told


def alone(asking: Asking, ours: Served, session: Session) -> Pair:
    """The median of one caller's waits against the median of bare calls."""
    meter = Meter()

    def raw() -> None:
        inputs, taken = {"images": serving_net.picture()}, []
        for _ in range(ALONE):
            begun = time.perf_counter()
            session.run(inputs)
            taken.append(time.perf_counter() - begun)
        meter.add(statistics.median(taken))

    return Pair(
        name="serve: median wait of one caller, against the median of bare calls",
        ours=lambda: meter.add(asking(ours, 1).p50_ms / 1000),
        reference=raw,
        unit="ms",
        goal=1.2,
        clock=meter,
        figures=lambda: {"server's memory, MB": ours.memory_mb()},
    )


def written_by_hand(asking: Asking, ours: Served, other: Served) -> Pair:
    """The median of one caller's waits against that at a server which can do nothing else."""
    meter = Meter()
    return Pair(
        name="serve: median wait of one caller, against a loop written for this request alone",
        ours=lambda: meter.add(asking(ours, 1).p50_ms / 1000),
        reference=lambda: meter.add(asking(other, 1).p50_ms / 1000),
        unit="ms",
        goal=1.1,
        clock=meter,
    )


def together(asking: Asking, ours: Served, session: Session, count: int) -> Pair:
    """Answers to several callers against as many bare calls."""
    meter = Meter()

    def raw() -> None:
        inputs = {"images": serving_net.picture()}
        begun = time.perf_counter()
        for _ in range(TOGETHER):
            session.run(inputs)
        meter.add(time.perf_counter() - begun)

    return Pair(
        name=f"serve: an answer to {count} callers, against a bare call",
        ours=lambda: meter.add(asking(ours, count).seconds),
        reference=raw,
        unit="ms",
        goal=round(1 / 0.93, 3),
        times=TOGETHER,
        clock=meter,
        figures=lambda: {"server's memory, MB": ours.memory_mb()},
    )


def against(asking: Asking, ours: Served, other: Served, name: str, count: int) -> Pair:
    """Processor time of the servers for an answer."""
    meter = Meter()
    times = ALONE if count == 1 else TOGETHER
    spent: dict[int, list[float]] = {ours.port: [], other.port: []}

    def sample(server: Served) -> Callable[[], None]:
        def ask() -> None:
            before = server.cpu()
            spent[server.port].append(asking(server, count).seconds)
            meter.add(server.cpu() - before)

        return ask

    def figures() -> Figures:
        our, its = (times / statistics.median(seconds) for seconds in spent.values())
        return {"answers a second": our, "answers a second, the other": its}

    return Pair(
        name=f"serve: processor time for an answer to {count}, against {name}",
        ours=sample(ours),
        reference=sample(other),
        unit="ms",
        goal=1.0,
        times=times,
        clock=meter,
        figures=figures,
    )


def swapping(asking: Asking, ours: Served, current: Path, bundles: list[Bundle]) -> Pair:
    """Answers while the model is exchanged again and again, against answers in peace."""
    meter = Meter()
    counts = {"swaps": 0, "answered": 0, "failed": 0}
    stop = current.with_name("stop")

    def swap() -> None:
        asking.callers.begin(replace(asking.load(ours, 8), requests=ENDLESS, until=str(stop)))
        for number in range(SWAPS):
            turn(ours, current, bundles[(number + 1) % 2])
        stop.touch()
        told = asking.callers.end()
        stop.unlink()
        asked, good = sum(told.codes.values()), told.codes.get("200", 0)
        counts["swaps"] += SWAPS
        counts["answered"] += good
        counts["failed"] += asked - good
        meter.add(told.seconds * TOGETHER / asked)

    return Pair(
        name="serve: an answer to 8 callers while the model is exchanged, against in peace",
        ours=swap,
        reference=lambda: meter.add(asking(ours, 8).seconds),
        unit="ms",
        goal=2.5,  # loading takes its share of the cores, over and over
        times=TOGETHER,
        clock=meter,
        figures=lambda: {"server's memory, MB": ours.memory_mb(), **{name: str(n) for name, n in counts.items()}},
    )


def turn(server: Served, link: Path, bundle: Bundle) -> None:
    """Have the server answer with another bundle, and wait until it does."""
    fresh = link.with_name("fresh")
    fresh.symlink_to(bundle.folder)
    fresh.replace(link)
    server.process.send_signal(1)  # SIGHUP
    while answering(server) != bundle.digest:
        time.sleep(0.005)


def answering(server: Served) -> str:
    """The bundle that answers."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/v1/models/{serving_net.MODEL}", timeout=10) as answer:
        return str(read_json(answer)["bundle"])


@contextmanager
def our_server(folder: Path) -> Iterator[Served]:
    """`slipway-edge serve`, with one thread."""
    port = free_port()
    command = ["slipway-edge", "serve", "--model", str(folder), "--port", str(port), "--threads", "1"]
    with running(command, port, OURS) as served:
        yield served


@contextmanager
def serving(command: list[str], path: str) -> Iterator[Served]:
    """Another server."""
    port = free_port()
    with running([*command, str(port)], port, path) as served:
        yield served


@contextmanager
def running(command: list[str], port: int, path: str) -> Iterator[Served]:
    """A server, from when it listens until it is no more needed; it has a session of processes of its own."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    child = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        until = time.monotonic() + 60
        while not listening(port):
            if child.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{' '.join(command)} does not listen (exit code {child.returncode})")
            time.sleep(0.05)
        yield Served(child, port, path)
    finally:
        with ExitStack() as stack:
            stack.callback(child.wait)
            os.killpg(child.pid, 15)


def listening(port: int) -> bool:
    """Whether somebody does there."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """One that nobody has."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
