"""One device with everything around it that can be injected.

A clock that only moves when it is waited on, the real files of `cutting`, a channel in memory or a real one, and a
runtime whose failures are planned. `boot` starts a process, `reboot` the machine. The world remembers across starts of
the process what a process forgets: which bundles have proven themselves, and what has answered. Its invariants are
held whenever something becomes active.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent_world.cutting import CuttingDisk, PowerCut
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import DeviceClass, Manifest
from slipway.serving.bundle.verifying import verify
from slipway.serving.channel.looking import Channel, Look, Remote
from slipway.serving.channel.paths import file_path
from slipway.serving.channel.pointer import Named, Pointer
from slipway.serving.channel.release import Release
from slipway.serving.channel.transport import Skipped, TransferFailed
from slipway.serving.edge.agent.driver import Agent
from slipway.serving.edge.agent.effects import Device, Rest
from slipway.serving.edge.agent.health import Rules
from slipway.serving.edge.agent.journal import LARGEST, Journal
from slipway.serving.edge.agent.metering import UNLIMITED
from slipway.serving.edge.agent.ports import Built, MaySwap, Meter, Observed, Proof, engines_folder
from slipway.serving.edge.agent.slots import Layout
from slipway.serving.edge.agent.state import State
from slipway.serving.runtime.errors import ModelUnfit

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODEL = "small-bays"
RULES = Rules(seconds=60, sample=20, every=30, longest=600)
DEVICE = Device(id="bay-7", device_class="edge-cpu", enrolled=NOW - timedelta(days=30), agent="0.1.0")
GOOD = Proof(problems=(), provider="cpu", p95_ms=2.0, memory_mb=50.0, load_ms=5.0)
LONG = 2 * 86_400.0


class FakeClock:
    """Time that passes when somebody waits."""

    def __init__(self, now: datetime = NOW) -> None:
        self.wall, self.passed = now, 0.0
        self.stopping = False

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.passed

    def wait(self, seconds: float) -> bool:
        self.advance(seconds)
        return self.stopping

    def advance(self, seconds: float) -> None:
        """Time passes."""
        self.passed += seconds
        self.wall += timedelta(seconds=seconds)


@dataclass
class MemoryChannel:
    """A channel that everybody believes, and the ways in which a network fails."""

    bundles: dict[str, Bundle] = field(default_factory=dict)
    releases: dict[int, Release] = field(default_factory=dict)
    pointer: Pointer | None = None
    signed_at: datetime = NOW
    good_for: timedelta = timedelta(days=14)
    offline: bool = False
    breaks_after: int | None = None
    """A transfer breaks after so many bytes."""
    ranges: bool = True
    """Without them a file comes from its first byte, whatever was asked for."""
    seconds_a_byte: float = 0.0
    """Of this time, which passes by `clock`."""
    clock: FakeClock | None = None
    spoils: set[str] = field(default_factory=set)
    """Files that come with one bit wrong."""
    read_bytes: dict[str, int] = field(default_factory=dict)
    looks: int = 0
    lacks: set[int] = field(default_factory=set)
    """Releases of which a copy of the channel has nothing; a pin to one leads nowhere."""

    def release(self, number: int, bundle: Bundle, *, floor: int = 0, minimum_agent: str = "0.0.0") -> Release:
        """Sign a release."""
        self.bundles[bundle.digest] = bundle
        made = Release(
            model=MODEL,
            number=number,
            bundle=bundle.digest,
            floor=floor,
            minimum_agent=minimum_agent,
            signed_at=self.signed_at,
        )
        self.releases[number] = made
        return made

    def point(self, base: int | None, target: int | None = None, **parts: object) -> None:
        """Sign a pointer."""
        sequence = self.pointer.sequence + 1 if self.pointer else 1
        made = {"model": MODEL, "sequence": sequence, "signed_at": self.signed_at, **parts}
        self.pointer = Pointer.model_validate({**made, "base": self._named(base), "target": self._named(target)})

    def pin(self, number: int, until: datetime, **whose: str) -> dict[str, object]:
        """A pin for `point`."""
        return {"release": self._named(number), "until": until, **whose}

    def _named(self, number: int | None) -> Named | None:
        return Named(number=number, bundle=self.releases[number].bundle) if number else None

    def look(self, model: str, *, now: datetime) -> Look:
        assert model == MODEL
        assert now.tzinfo
        self._reach()
        self.looks += 1
        assert self.pointer is not None
        base, target = self.pointer.base, self.pointer.target
        pinned = [pin.release.number for pin in self.pointer.pins if pin.release.number not in self.lacks]
        return Look(
            pointer=self.pointer,
            base=self.releases[base.number] if base else None,
            target=self.releases[target.number] if target else None,
            signed_at=self.signed_at,
            good_until=self.signed_at + self.good_for,
            pinned=tuple(self.releases[number] for number in pinned),
        )

    def manifest(self, release: Release) -> tuple[Manifest, bytes]:
        self._reach()
        manifest = self.bundles[release.bundle].manifest
        return manifest, manifest.to_bytes()

    def files(self, release: Release, names: Sequence[str]) -> tuple[Remote, ...]:
        files = self.bundles[release.bundle].manifest.files
        paths = [file_path(release.model, release.bundle, name) for name in names]
        return tuple(
            Remote(path, files[name].size, files[name].sha256) for path, name in zip(paths, names, strict=True)
        )

    def read(self, remote: Remote, start: int = 0) -> Iterator[bytes]:
        self._reach()
        _, _, digest, name = remote.path.split("/")
        data = (self.bundles[digest].folder / name).read_bytes()
        if name in self.spoils:
            data = data[:-1] + bytes([data[-1] ^ 1])
        end = len(data) if self.breaks_after is None else start + self.breaks_after
        for at in range(start if self.ranges else 0, min(end, len(data)), 256):
            piece = data[at : min(at + 256, end)]
            self.read_bytes[name] = self.read_bytes.get(name, 0) + len(piece)
            if self.clock is not None:
                self.clock.advance(self.seconds_a_byte * len(piece))
            if unwanted := min(max(0, start - at), len(piece)):
                yield Skipped.of(unwanted)
            if piece := piece[unwanted:]:
                yield piece
        if end < len(data):
            raise TransferFailed(f"{name} broke after {end:,} bytes.")

    def _reach(self) -> None:
        if self.offline:
            raise TransferFailed("There is no network.")


@dataclass
class Plan:
    """How a bundle does on this device."""

    unfit: bool = False
    proof: Proof = GOOD
    fails_to_activate: Exception | None = None
    incomparable: str | None = None
    kills: bool = False
    """Loading it ends the process."""
    errors: float = 0.0
    p95_ms: float = 2.0
    provider: str = "cpu"
    divergence: float = 0.1
    mute: bool = False
    """Nobody can see how it does."""
    per_second: float = 10.0
    """Requests that come."""


@dataclass
class Memory:
    """What the world knows and no process does."""

    plans: dict[str, Plan] = field(default_factory=dict)
    proven: set[str] = field(default_factory=set)
    answered: list[int] = field(default_factory=list)
    """The releases that became active, in their order."""
    shadowed: list[tuple[int, float]] = field(default_factory=list)
    """The releases that began in the shadow, and the share that each was to see."""
    proofs: int = 0
    builds: int = 0

    def plan(self, bundle: Bundle) -> Plan:
        """How it does."""
        return self.plans.get(bundle.digest, Plan())


class FakeEngines:
    """A runtime of one process; it holds that only what is whole and proven ever answers."""

    def __init__(self, memory: Memory, clock: FakeClock, device_class: str) -> None:
        self.memory, self._clock, self._class = memory, clock, device_class
        self.active: tuple[Bundle, int] | None = None
        self.beside: tuple[int, float] | None = None
        """What runs in the shadow, and what it sees."""
        self._since = 0.0

    def build(self, bundle: Bundle, device: DeviceClass) -> Built:
        self.memory.builds += 1
        if self.memory.plan(bundle).unfit:
            raise ModelUnfit("No variant of it runs here.")
        variant = device.variants[0]
        folder = engines_folder(bundle)
        folder.mkdir(0o700, exist_ok=True)
        name = f"engine.{bundle.manifest.files[bundle.manifest.variants[variant].file].sha256[:12]}.fake"
        (folder / name).write_bytes(b"an engine")
        return Built(variant, "cpu", name)

    def prove(self, bundle: Bundle, device: DeviceClass, built: Built) -> Proof:
        self.memory.proofs += 1
        assert built.engine is not None
        assert (engines_folder(bundle) / built.engine).read_bytes() == b"an engine"
        proof = self.memory.plan(bundle).proof
        if not proof.problems and proof.p95_ms <= device.latency_ms:
            self.memory.proven.add(bundle.digest)
        return proof

    def activate(self, bundle: Bundle, device: DeviceClass, built: Built, release: int) -> None:
        plan = self.memory.plan(bundle)
        if plan.kills:
            raise PowerCut
        if plan.fails_to_activate is not None:
            raise plan.fails_to_activate
        assert bundle.digest in self.memory.proven, f"release {release} answers and never proved itself"
        assert built.variant in device.variants
        verify(bundle.folder, digest=bundle.digest, device_class=self._class)
        if self.active is None or self.active[1] != release:
            self.active, self._since = (bundle, release), self._clock.monotonic()
            self.memory.answered.append(release)

    def shadow(self, bundle: Bundle, device: DeviceClass, built: Built, release: int, frames: float) -> str | None:
        plan = self.memory.plan(bundle)
        if plan.kills:
            raise PowerCut
        if plan.fails_to_activate is not None:
            raise plan.fails_to_activate
        assert bundle.digest in self.memory.proven, f"release {release} runs in the shadow and never proved itself"
        assert built.variant in device.variants
        assert self.active is not None, "there is nothing to compare with"
        verify(bundle.folder, digest=bundle.digest, device_class=self._class)
        self.beside = (release, frames)
        self.memory.shadowed.append((release, frames))
        return plan.incomparable

    def unshadow(self) -> None:
        self.beside = None

    def observed(self) -> Observed | None:
        if self.active is None:
            return None
        plan, seconds = self.memory.plan(self.active[0]), self._clock.monotonic() - self._since
        if plan.mute:
            raise RuntimeError("The process that runs it is gone.")
        requests = int(seconds * plan.per_second)
        failed = int(requests * plan.errors)
        return Observed(
            seconds=seconds,
            answered=requests - failed,
            failed=failed,
            p95_ms=plan.p95_ms,
            provider=plan.provider,
            divergence={"outputs.logits.mean": plan.divergence},
            lately={"outputs.logits.mean": plan.divergence},
        )


class World:
    """A device in a folder, and its surroundings."""

    def __init__(self, folder: Path, channel: Channel | None = None) -> None:
        self.folder = folder
        self.folder.mkdir(0o700, parents=True, exist_ok=True)
        self.clock = FakeClock()
        self.channel: Channel = channel or MemoryChannel()
        self.memory = Memory()
        self.device = DEVICE
        self.rules = RULES
        self.meter: Meter = UNLIMITED
        self.journal_bytes = LARGEST
        self.engines = FakeEngines(self.memory, self.clock, self.device.device_class)
        self.disk = CuttingDisk(folder)
        self.boots, self.knows_boot = 1, True
        self.may_swap: MaySwap = lambda _: 0.0

    @property
    def told(self) -> MemoryChannel:
        """The channel in memory."""
        assert isinstance(self.channel, MemoryChannel)
        return self.channel

    def copy(self, folder: Path) -> "World":
        """The same device and world at another place, which go their own way from here."""
        shutil.copytree(self.folder, folder)
        other = World(folder, replace(self.channel) if isinstance(self.channel, MemoryChannel) else self.channel)
        other.clock.wall, other.clock.passed = self.clock.wall, self.clock.passed
        other.memory.plans, other.memory.proven = dict(self.memory.plans), set(self.memory.proven)
        other.device, other.rules, other.journal_bytes = self.device, self.rules, self.journal_bytes
        other.boots, other.knows_boot = self.boots, self.knows_boot
        return other

    def reboot(self, disk: CuttingDisk | None = None) -> Agent:
        """The machine starts anew, and a process on it."""
        self.boots += 1
        return self.boot(disk)

    def boot(self, disk: CuttingDisk | None = None) -> Agent:
        """A new process on this device; the machine has run on."""
        self.disk.done()
        self.disk = disk or CuttingDisk(self.folder)
        self.engines = FakeEngines(self.memory, self.clock, self.device.device_class)
        return Agent(
            MODEL,
            self.device,
            disk=self.disk,
            clock=self.clock,
            channel=self.channel,
            engines=self.engines,
            meter=self.meter,
            journal=Journal(self.disk, Layout(MODEL).journal, largest=self.journal_bytes),
            rules=self.rules,
            boot=lambda: f"boot {self.boots}" if self.knows_boot else "",
            may_swap=self.may_swap,
        )

    def live(self, agent: Agent, seconds: float = LONG) -> State:
        """Let the agent work until nothing is left to do, or so much time has passed."""
        end = self.clock.monotonic() + seconds
        while True:
            rest: Rest = agent.run()
            if rest.seconds is None or self.clock.monotonic() + rest.seconds > end:
                return agent.state
            self.clock.advance(rest.seconds)

    def poll(self, agent: Agent) -> State:
        """Look at the channel, and let the agent work."""
        agent.ask()
        return self.live(agent)
