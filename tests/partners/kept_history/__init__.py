"""A project with a history that is worth a backup, and what must be true of it and of every copy of it.

Versions became champion, in ledger, store and MLflow, and devices in the fleet store run them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy

from registered import Project
from slipway.platform.registry.desk import Desk
from slipway.platform.registry.records import load_version
from slipway.platform.registry.verdicts import verdict_place
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.names import bind_name
from slipway.platform.runs.parts import CodeFile, Parts
from slipway.platform.settings import load
from slipway.serving.fleet.store import opening, times
from slipway.serving.fleet.store.store import FleetStore
from slipway.serving.fleet.store.tables import DEVICES, SPANS

MODEL = "small-bays"


@dataclass
class Keeper(Project):
    """The project, begun or found again."""

    def __post_init__(self) -> None:
        if not self.folder.is_dir():
            super().__post_init__()
        self.loaded = load(self.folder, self.environ)
        self.desk = Desk.of(self.loaded)

    def turn(self, letter: str) -> None:
        """A run, its version, which becomes champion, and a device that runs it."""
        run = self.run(letter)
        self.champion(letter)
        self.device(f"device-{letter}", self.bundle(letter))
        assert self.desk.store.size(WorkKeys(run).parts)

    def run(self, name: str) -> str:
        """A run that has begun, with its name; its key."""
        code = (CodeFile(path="main.py", sha256="c" * 64),)
        parts = Parts(model=self.model, snapshot="5" * 64, view={}, code=code, config={"name": name}, lock=())
        self.desk.store.put_if_absent(WorkKeys(parts.key).parts, parts.to_bytes())
        bind_name(self.desk.store, parts.key, model=self.model, now=datetime.now(UTC), wanted=f"run-{name}")
        return parts.key

    def device(self, name: str, bundle: str) -> None:
        """One that runs a bundle."""
        FleetStore.of(self.loaded).close()
        now = times.stamp(datetime.now(UTC))
        with self.fleet(writes=True) as connection:
            add = connection.execute
            add(sqlalchemy.insert(DEVICES).values(
                id=name, device_class="edge-cpu", site="yard", cohorts="[]", models="[]", public_key="0" * 64,
                token="t", enrolled_at=now,
            ))  # fmt: skip
            add(sqlalchemy.insert(SPANS).values(
                device=name, model=self.model, begin=now, end=None, release=1, bundle=bundle
            ))  # fmt: skip

    @contextmanager
    def fleet(self, *, writes: bool = False) -> Iterator[sqlalchemy.Connection]:
        """Its fleet store, in one transaction."""
        address = opening.address(self.loaded.settings.fleet.database, self.loaded.root)
        engine = opening.open_engine(address, writes=writes)
        with engine.begin() as connection:
            yield connection
        engine.dispose()

    def devices(self) -> dict[str, str]:
        """What each runs."""
        with self.fleet() as connection:
            return {one.device: one.bundle for one in connection.execute(sqlalchemy.select(SPANS))}

    def holds(self) -> int:
        """Whatever is named is there; the number of champions."""
        report = self.desk.ledger.verify()
        assert report.problems == ()
        standing = self.standing()
        known = {one.number: one.tags.get("bundle") for one in self.desk.registry.versions(self.model)}
        for bundle, version in standing.versions.items():
            record = load_version(self.desk.store, bundle)
            assert record.number == version.number
            assert known[version.number] == bundle
            assert self.desk.store.size(verdict_place(record.verdict))
        assert set(self.devices().values()) <= set(standing.versions)
        return len(standing.versions)


def settings(folder: Path, **more: str) -> dict[str, str]:
    """Of a project; everything in files below its folder unless told otherwise."""
    return {
        "HOME": str(folder.parent / "home"),
        "SLIPWAY_MLFLOW__TRACKING_URI": "sqlite:///.slipway/mlflow.db",
        **more,
    }
