"""What a runner is to do, wherever it runs: everything that it cannot find in the store by the key alone."""

from collections.abc import Mapping
from typing import Any, Final

from slipway.platform.jobs.workplace import Message

TRAIN_MODULE: Final = "slipway.training.fitting.main"


class JobSpec(Message):
    """One piece of work for a runner; the record says which attempt it is."""

    key: str
    kind: str = "train"
    module: str = TRAIN_MODULE
    """Whose `main` does the work, in the code archive."""
    model: str
    package: str
    """The model's package, such as `slipway.training.models.vehicle_reid`."""
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

    @property
    def threads(self) -> int:
        """Threads of each process."""
        return int(self.config.get("trainer", {}).get("threads", 1))

    @property
    def processes(self) -> int:
        """Processes that train together."""
        return int(self.config.get("trainer", {}).get("processes", 1))

    @property
    def keep_checkpoints(self) -> int:
        """How many checkpoints stay in the store."""
        return int(self.config.get("runtime", {}).get("keep_checkpoints", 2))
