"""What a runner is to do, wherever it runs: everything that it cannot find in the store by the key alone.

A job is frozen and named by its content. It lies in the store, so whoever knows an attempt can launch it, adopt it or
make the next one: a laptop that is closed loses nothing.
"""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Self

from pydantic import Field

from slipway.platform.canonical import canonical
from slipway.platform.runs.errors import RecordDamaged, RunsError
from slipway.platform.runs.layout import job_key
from slipway.platform.runs.workplace import Message
from slipway.platform.store import ObjectMissing, Store

TRAIN_MODULE: Final = "slipway.training.fitting.main"
HOUR: Final = 3600
LEFT: Final = 76
"""A runner's exit code where another node has vanished: its launcher is to say how the attempt ended."""


class Price(Message):
    """What one node costs."""

    per_hour: Decimal = Decimal(0)
    currency: str = "USD"

    def of(self, seconds: float, nodes: int) -> Decimal:
        """What so many nodes cost for so long."""
        return self.per_hour * nodes * Decimal(str(round(seconds, 3))) / HOUR


class Limits(Message):
    """Where a job is stopped, and how often it is taken up again."""

    budget: Decimal | None = None
    """What all attempts together may cost, in the price's currency; at it the job stops behind a checkpoint."""
    deadline_seconds: float | None = None
    """How long one attempt may run."""
    silence_seconds: float = 180.0
    """Silence from which an attempt counts as lost."""
    stall_seconds: float = 1800.0
    """Life without progress from which it counts as stalled."""
    grace_seconds: float = 60.0
    """Time for a checkpoint between being asked to stop and being stopped."""
    memory_bytes: int | None = None
    """What all processes of a node may have together."""
    retries: int = 2
    """How often lost or stalled work is taken up again."""


class JobSpec(Message):
    """One piece of work for a runner; the record says which attempt it is."""

    key: str
    kind: str = "train"
    module: str = TRAIN_MODULE
    """Whose `main` does the work, in the code archive; or a file of it, which is then run as a script."""
    model: str
    package: str
    """The model's package, such as `slipway.training.models.vehicle_reid`; empty for a script."""
    config: Mapping[str, Any]
    """The whole composed config, with `runtime`."""
    snapshot: str
    """Digest of the data."""
    view: Mapping[str, Any]
    """What of the data is needed: `where` and `tables`."""
    code: str
    """Digest of the code archive."""
    arguments: Mapping[str, Any] = {}
    """What the kind of work wants beyond that."""
    references: Mapping[str, str] = {}
    """The digest of each file that the config refers to, by its name there; the store has the bytes."""
    fresh: bool = False
    """From the first step, also where an earlier attempt left a checkpoint."""
    patch: str = ""
    """What the work tree has over its commit, as others may read it."""
    target: str = "local"
    """Where it is meant to run, by the settings' names."""
    nodes: int = Field(default=1, ge=1)
    """Machines, or groups of processes that stand for them."""
    gpus: int = 0
    """Devices of each node."""
    price: Price = Price()
    limits: Limits = Limits()
    secrets: tuple[str, ...] = ()
    """Variables that the child sees; the target says where their values are. Values stand nowhere."""

    @property
    def is_script(self) -> bool:
        """Whether it is a person's own script, which knows no steps."""
        return not self.package

    @property
    def threads(self) -> int:
        """Threads of each process."""
        return int(self.config.get("trainer", {}).get("threads", 1))

    @property
    def processes(self) -> int:
        """Processes that train together, over all nodes."""
        return int(self.config.get("trainer", {}).get("processes", 1))

    @property
    def processes_here(self) -> int:
        """Those of them on each node."""
        return self.processes // self.nodes

    @property
    def keep_checkpoints(self) -> int:
        """How many checkpoints stay in the store."""
        return int(self.config.get("runtime", {}).get("keep_checkpoints", 2))

    @property
    def digest(self) -> str:
        """The job's name in the store."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical(self.model_dump(mode="json"))

    def keep(self, store: Store) -> str:
        """See that the store has it; its digest."""
        store.put_if_absent(job_key(self.digest), self.to_bytes())
        return self.digest

    @classmethod
    def load(cls, store: Store, digest: str) -> Self:
        """The job of an attempt."""
        key = job_key(digest)
        try:
            data = store.get(key)
        except ObjectMissing:
            raise RunsError(f"{key} is missing in {store.url}.", mend="Submit the same work again.") from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise RecordDamaged(f"{key} in {store.url} is not what its name says.", mend="Submit the same work again.")
        return cls.model_validate_json(data)
