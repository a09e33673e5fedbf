"""From answers of a real session to records in the spool."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small_onnx
from slipway.serving.channel.pointer import Sampling
from slipway.serving.edge.telemetry.collecting import Collector, subject_of
from slipway.serving.edge.telemetry.distributions import expected_of
from slipway.serving.edge.telemetry.looking import LEAST, PART_S, Looking
from slipway.serving.edge.telemetry.sampling import Decision
from slipway.serving.edge.telemetry.spool import Spool, SpoolFailed
from slipway.serving.runtime.inputs import seeded_inputs
from slipway.serving.runtime.live import LoadedModel
from slipway.serving.runtime.live_model import LiveModel
from slipway.serving.runtime.session import Arrays, open_session
from slipway.training.export.reference import made, of_answers

START = datetime(2026, 3, 1, 10, tzinfo=UTC)


class Moment:
    """The device's time, moved by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pace(self) -> float:
        return (self.now - START).total_seconds()


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "spool.db")
    yield spool
    spool.close()


@pytest.fixture
def collector(spool: Spool, moment: Moment) -> Collector:
    return Collector(lambda: spool, now=moment)


@pytest.fixture
def looking(moment: Moment, loaded: LoadedModel) -> Looking:
    """Of a model whose reference is made of answers like its own."""
    looking = Looking(moment.pace)
    outputs = loaded.session.run(seeded_inputs(loaded.contract))
    looking.begin(loaded.bundle, expected_of(made(1, None, {}, of_answers(many(outputs)))))
    return looking


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedModel:
    bundle = small_onnx.bundle(tmp_path / "bundle")
    contract = bundle.manifest.contract
    session = open_session(bundle.path("fp32"), contract)
    return LoadedModel("small", bundle.digest, 3, "fp32", contract, session)


def told(spool: Spool, kind: str) -> list[tuple[str, str, Any]]:
    batch = spool.batch(1_000_000)
    assert batch is not None
    found = [one for one in batch.records if one.kind == kind]
    return [(one.subject, one.at, json.loads(one.body.split(b"\n", 1)[0])) for one in found]


def test_a_window_tells_what_was_answered_how_quickly_and_what_it_looked_like(
    collector: Collector, spool: Spool, moment: Moment, loaded: LoadedModel, looking: Looking
) -> None:
    live = LiveModel(loaded, watch=looking)
    collector.follow("small", live, looking)
    for _ in range(5):
        live.submit(seeded_inputs(loaded.contract)).result(timeout=30)
    live.close()
    collector.count("frames", 7)
    moment.now += timedelta(minutes=5)
    collector.flush()
    counts = {subject: body for subject, at, body in told(spool, "counts") if at == "2026-03-01T10:00:00Z"}
    assert counts[subject_of(loaded)]["answered"] == 5
    assert counts["device"] == {"frames": 7}
    ((subject, _, sketch),) = told(spool, "sketch")
    assert subject == f"small/3/{loaded.bundle}"
    assert sum(sketch["latency_ms"]["counts"].values()) == 5
    assert sketch["divergence"].keys() == sketch["distributions"].keys() != set()


def many(outputs: Arrays) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Rows around these, so that their quantiles differ."""
    chance = np.random.default_rng(3)
    return {
        name: np.concatenate([one.astype(np.float64) + chance.normal(0, 1, one.shape) for _ in range(20)]).astype(
            np.float32
        )
        for name, one in outputs.items()
    }


def test_windows_add_up_to_the_whole(
    collector: Collector, spool: Spool, moment: Moment, loaded: LoadedModel, looking: Looking
) -> None:
    live = LiveModel(loaded)
    collector.follow("small", live, looking)
    for window in range(4):
        for _ in range(window):
            live.submit(seeded_inputs(loaded.contract)).result(timeout=30)
        moment.now += timedelta(minutes=5)
        collector.flush()
    live.close()
    collector.flush()
    assert spool.counted()["answered"] == 6


def test_what_a_release_did_before_it_was_exchanged_counts_for_it(
    collector: Collector, spool: Spool, loaded: LoadedModel, looking: Looking
) -> None:
    live = LiveModel(loaded)
    collector.follow("small", live, looking)
    live.submit(seeded_inputs(loaded.contract)).result(timeout=30)
    live.swap(replace(loaded, release=4))
    for _ in range(2):
        live.submit(seeded_inputs(loaded.contract)).result(timeout=30)
    live.close()
    collector.flush()
    counts = {subject: body["answered"] for subject, _, body in told(spool, "counts")}
    assert counts == {f"small/3/{loaded.bundle}": 1, f"small/4/{loaded.bundle}": 2}


def test_only_so_many_rows_a_second_are_looked_at(looking: Looking, moment: Moment, loaded: LoadedModel) -> None:
    inputs = seeded_inputs(loaded.contract)
    outputs = loaded.session.run(inputs)
    for _ in range(1_000):
        looking(loaded, inputs, outputs)
        moment.now += timedelta(milliseconds=1)
    (seen,) = looking.take()
    looked = {int(parts.sum()) for parts in seen.distributions.counts.values()}
    rows = len(next(iter(outputs.values())))
    assert 10 < looked.pop() < 20 + 2 * rows
    assert looking.take() == []


def test_what_was_taken_is_still_part_of_the_divergence(looking: Looking, moment: Moment, loaded: LoadedModel) -> None:
    inputs = seeded_inputs(loaded.contract)
    outputs = loaded.session.run(inputs)
    looking(loaded, inputs, outputs)
    before = looking.divergence()
    looking.take()
    assert looking.divergence() == before != {}
    looking.begin("another", {})
    moment.now += timedelta(minutes=1)
    looking(loaded, inputs, outputs)
    assert looking.divergence() == {}


def test_what_was_seen_lately_is_of_the_last_half_hour_to_hour(
    looking: Looking, moment: Moment, loaded: LoadedModel
) -> None:
    one, other = (seeded_inputs(loaded.contract, seed=seed) for seed in (1, 2))
    parts = [(one, loaded.session.run(one)), (other, loaded.session.run(other))]

    def see(part: int) -> None:
        for _ in range(LEAST):
            looking(loaded, *parts[part])
            moment.now += timedelta(seconds=PART_S / LEAST)

    see(0)
    of_one = looking.lately()
    assert of_one == looking.divergence() != {}
    see(1)
    assert looking.lately() == looking.divergence() != of_one
    see(1)
    looking(loaded, *parts[1])
    assert looking.lately() != looking.divergence()
    looking.begin(loaded.bundle, looking._expected)
    looking(loaded, *parts[1])
    of_other = looking.lately()
    assert of_other == looking.divergence() != of_one


def test_counts_that_the_disk_does_not_take_come_with_the_next_window(
    collector: Collector, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise SpoolFailed("full")

    collector.count("frames", 3)
    with monkeypatch.context() as patch:
        patch.setattr(spool, "add", full)
        collector.flush()
    collector.count("frames", 4)
    collector.flush()
    assert spool.counted() == {"frames": 7}


def test_samples_are_kept_as_the_policy_says_and_no_picture_is_made_for_nothing(
    collector: Collector, spool: Spool, moment: Moment, loaded: LoadedModel
) -> None:
    made_pictures = []

    def picture() -> bytes:
        made_pictures.append(1)
        return b"jpeg"

    unsure, sure = Decision("a", 0.2, 0.0), Decision("b", 0.9, 0.0)
    assert collector.sample(loaded, unsure, picture) is None
    collector.sample_by("small", Sampling(confidence_below=0.5, per_day=2))
    assert [collector.sample(loaded, one, picture) for one in (unsure, sure, unsure, unsure)] == [
        "low confidence", None, "low confidence", None,
    ]  # fmt: skip
    moment.now += timedelta(days=1)
    assert collector.sample(loaded, unsure, picture) == "low confidence"
    assert len(made_pictures) == 3
    assert [body["decision"] for _, _, body in told(spool, "sample")] == ["a", "a", "a"]


def test_another_start_takes_no_more_samples_of_the_day(tmp_path: Path, moment: Moment, loaded: LoadedModel) -> None:
    def taken() -> int:
        collector = Collector(lambda: Spool(tmp_path / "spool.db"), now=moment)
        collector.sample_by("small", Sampling(confidence_below=0.5, per_day=3))
        kept = [collector.sample(loaded, Decision("a", 0.2, 0.0), lambda: b"jpeg") for _ in range(2)]
        collector.close()
        return sum(why is not None for why in kept)

    assert [taken() for _ in range(3)] == [2, 1, 0]
    spool = Spool(tmp_path / "spool.db")
    batch = spool.batch(1_000_000)
    assert batch is not None
    spool.confirm(batch)
    spool.close()
    assert taken() == 0
    moment.now += timedelta(days=1)
    assert taken() == 2


def test_a_change_of_state_is_kept_at_once(collector: Collector, spool: Spool) -> None:
    collector.state("small", {"phase": "probation", "release": 3})
    assert told(spool, "state") == [("small", "2026-03-01T10:00:00Z", {"phase": "probation", "release": 3})]
