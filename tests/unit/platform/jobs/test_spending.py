"""What work has cost, also where an attempt could not say so itself."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.jobs.spec import Price
from slipway.platform.jobs.spending import Charge, lived, spent
from slipway.platform.runs.layout import WorkKeys

Desk = Any
PRICE = Price(per_hour=Decimal(3600), currency="EUR")


def test_the_attempts_before_this_one_are_added_up(desk: Desk) -> None:
    for _ in range(2):
        desk.run(fail_at=3, job={"price": PRICE})
    _, job = desk.work(job={"price": PRICE})
    costs = [desk.outcome(number).cost for number in (1, 2)]
    assert min(costs) > 0
    assert spent(desk.store, job) == sum(costs)
    assert spent(desk.store, job, before=2) == costs[0]


def test_an_attempt_without_an_outcome_costs_from_its_beginning_to_its_last_sign(desk: Desk) -> None:
    desk.run(fail_at=3, submitted=True, job={"price": PRICE})
    _, job = desk.work(job={"price": PRICE})
    keys = WorkKeys(desk.key).attempt(1)
    desk.store.delete(keys.outcome)
    for key, moment in ((keys.begun, 1_000_000), (keys.heartbeat, 1_003_600)):
        os.utime(Path(desk.store.url) / key, (moment, moment))
    assert lived(desk.store, desk.key, 1) == pytest.approx(3600, rel=0.01)
    assert float(spent(desk.store, job)) == pytest.approx(3600, rel=0.01), "a euro a second"


def test_what_never_began_costs_nothing(desk: Desk) -> None:
    _, job = desk.work(job={"price": PRICE})
    assert spent(desk.store, job) == 0
    assert lived(desk.store, desk.key, 1) == 0


@pytest.mark.parametrize(("nodes", "gpus"), [(1, 0), (2, 8)])
def test_every_node_and_every_device_counts(desk: Desk, nodes: int, gpus: int) -> None:
    _, job = desk.work(job={"price": PRICE, "nodes": nodes, "gpus": gpus})
    charge = Charge.of(job, 10)
    assert charge == Charge(10.0 * nodes * gpus, Decimal(10 * nodes), "EUR")
