"""Telemetry of a whole device: states as they change, samples as the channel asks, a window every few minutes."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small_onnx
from slipway.serving.channel.pointer import Pointer, Sampling
from slipway.serving.channel.release import Release
from slipway.serving.edge.agent.effects import Done, Failed, Failing, LookAtChannel, Outcome
from slipway.serving.edge.agent.state import Installed, Phase, Seen, State
from slipway.serving.edge.following import Step
from slipway.serving.edge.streams.rules import Rules
from slipway.serving.edge.streams.telling import Decided
from slipway.serving.edge.telemetry.looking import Looking
from slipway.serving.edge.telemetry.spool import Spool
from slipway.serving.edge.telemetry.telling import FILE, WINDOW_S, DeviceTelemetry, telemetry_of
from slipway.serving.runtime.inputs import seeded_inputs
from slipway.serving.runtime.live import LoadedModel
from slipway.serving.runtime.live_model import LiveModel
from slipway.serving.runtime.session import open_session
from slipway.serving.runtime.source import CameraState, Notice

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
RELEASE = Release(model="small", number=3, bundle="a" * 64, floor=2, signed_at=START)
ACTIVE = Installed(slot="a", release=RELEASE, variant="fp32", provider="cpu", proven=True)


class HandClock:
    """Time that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> bool:
        self.seconds += seconds
        return False


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveModel]:
    bundle = small_onnx.bundle(tmp_path / "bundle")
    contract = bundle.manifest.contract
    session = open_session(bundle.path("fp32"), contract)
    live = LiveModel(LoadedModel("small", bundle.digest, 3, "fp32", contract, session))
    yield live
    live.close()


@pytest.fixture
def telemetry(tmp_path: Path, clock: HandClock, live: LiveModel) -> Iterator[DeviceTelemetry]:
    with telemetry_of(tmp_path / "home", clock, {"small": live}, {"small": Looking()}) as telemetry:
        yield telemetry


def told(tmp_path: Path, kind: str) -> list[tuple[str, Any]]:
    spool = Spool(tmp_path / "home" / FILE)
    batch = spool.batch(1_000_000)
    spool.close()
    records = batch.records if batch else ()
    return [(one.subject, json.loads(one.body.split(b"\n", 1)[0])) for one in records if one.kind == kind]


def step(before: State, after: State, outcome: Outcome | None = None) -> Step:
    return Step("small", LookAtChannel(), outcome or Done(), before, after)


def test_each_change_of_a_models_state_is_told_once_with_its_reason(telemetry: DeviceTelemetry, tmp_path: Path) -> None:
    idle = State(model="small")
    probation = State(model="small", phase=Phase.PROBATION, active=ACTIVE).tell(START, "active", "Release 3.")
    telemetry.step(step(idle, idle))
    telemetry.step(step(idle, probation))
    telemetry.step(step(probation, probation))
    ((subject, state),) = told(tmp_path, "state")
    assert subject == "small"
    assert (state["phase"], state["release"], state["bundle"], state["provider"]) == ("probation", 3, "a" * 64, "cpu")
    assert state["why"] == "active: Release 3."


def test_a_window_is_written_every_few_minutes_and_at_the_end(
    tmp_path: Path, clock: HandClock, live: LiveModel
) -> None:
    idle = State(model="small")
    with telemetry_of(tmp_path / "home", clock, {"small": live}, {"small": Looking()}) as telemetry:
        telemetry.count("frames.gate.received", 5)
        telemetry.noticed(Notice("gate", START, CameraState.LOST, CameraState.WELL, "no frames"))
        telemetry.step(step(idle, idle))
        assert not (tmp_path / "home" / FILE).exists()
        clock.wait(WINDOW_S)
        telemetry.step(step(idle, idle))
        assert told(tmp_path, "counts") == [("device", {"frames.gate.received": 5, "camera.gate.lost": 1})]
        live.submit(seeded_inputs(live.loaded.contract)).result(timeout=30)  # type: ignore[union-attr]
    assert sum(counts.get("answered", 0) for _, counts in told(tmp_path, "counts")) == 0  # the batch of before
    spool = Spool(tmp_path / "home" / FILE)
    assert spool.counted()["answered"] == 1
    spool.close()


def test_samples_are_what_the_channel_asked_for_when_it_was_last_believed(
    telemetry: DeviceTelemetry, tmp_path: Path, live: LiveModel
) -> None:
    loaded = live.loaded
    assert loaded is not None
    inputs = seeded_inputs(loaded.contract)
    decided = Decided(
        "20260301T100000000000Z.gate-1.aaaaaaaa.abcdef", "gate", START, loaded, inputs, loaded.session.run(inputs),
        [0.2], np.zeros(3, np.float32), 1.5, lambda: b"jpeg", Rules("north", 3, "ab" * 32),
        {"answer": "free", "score": 0.2},
    )  # fmt: skip
    telemetry.decided(decided)
    policy = Sampling(confidence_below=0.5, per_day=1)
    pointer = Pointer(model="small", sequence=1, signed_at=START, sampling=policy)
    idle = State(model="small", seen=Seen(pointer=pointer, signed_at=START, good_until=START))
    telemetry.step(step(idle, idle, Failed(Failing.LATER, "The channel cannot be reached.")))
    telemetry.decided(decided)
    telemetry.decided(decided)
    ((subject, sample),) = told(tmp_path, "sample")
    assert subject == f"small/3/{loaded.bundle}"
    assert sample["decision"] == decided.id
    assert sample["why"] == "low confidence"
    assert sample["site"] == {"name": "north", "configuration": 3, "digest": "abababab"}
    assert (sample["stream"], sample["answer"], sample["score"]) == ("gate", "free", 0.2)


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path, clock: HandClock, live: LiveModel) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "telemetry").write_text("in the way")
    with telemetry_of(tmp_path / "home", clock, {"small": live}, {"small": Looking()}) as telemetry:
        telemetry.count("frames.gate.received", 5)
        telemetry.step(step(State(model="small"), State(model="small", phase=Phase.FETCH)))
        clock.wait(WINDOW_S)
        telemetry.step(step(State(model="small"), State(model="small")))
        (tmp_path / "home" / "telemetry").unlink()
    spool = Spool(tmp_path / "home" / FILE)
    assert spool.counted()["frames.gate.received"] == 5
    spool.close()
