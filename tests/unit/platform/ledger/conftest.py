"""A ledger whose clock ticks, in a real store."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from decided import BEGIN, World, known
from slipway.platform.identity import People, Role
from slipway.platform.ledger.ledger import Ledger
from slipway.platform.settings import schema
from slipway.platform.store import open_store


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """A clock that ticks once each time somebody looks."""
    ticks: Iterator[int] = count()
    return lambda: BEGIN + timedelta(seconds=next(ticks))


@pytest.fixture
def world(tmp_path: Path, clock: Callable[[], datetime]) -> World:
    store = open_store(schema.Store(url=str(tmp_path / "store")), schema.S3())
    signers = {
        "ada": known("ada", Role.TRAINER, Role.APPROVER),
        "ben": known("ben", Role.RELEASER, Role.OVERRIDE, Role.OPERATOR),
        "gates": known("gates", Role.GATE_SERVICE, service=True),
        "guard": known("guard", Role.GUARD_SERVICE, service=True),
    }
    people = People(tuple(one.person for one in signers.values()), "people.toml")
    return World(tmp_path, store, signers, Ledger(store, people, now=clock))
