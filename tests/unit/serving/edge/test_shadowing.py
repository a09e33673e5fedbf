"""A real model beside a real model: what answers is not held up, and what differs is counted."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import small_onnx
from slipway.serving.bundle.contract import Contract
from slipway.serving.bundle.folder import Bundle
from slipway.serving.edge.agent.ports import Built
from slipway.serving.edge.engines import LocalEngines
from slipway.serving.edge.shadowing import Shadowing
from slipway.serving.edge.streams.rules import Rules
from slipway.serving.edge.telemetry.collecting import Collector
from slipway.serving.edge.telemetry.disagreeing import Comparing, slices_of
from slipway.serving.edge.telemetry.looking import Looking
from slipway.serving.edge.telemetry.spool import Spool
from slipway.serving.runtime.live import LoadedModel
from slipway.serving.runtime.live_model import LiveModel

DEVICE = small_onnx.DEVICES["edge-cpu"]
BUILT = Built("fp32", "cpu")
SECONDS = 20.0


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Bundle]:
    """Two releases of one model, which often say something else."""
    folder = tmp_path_factory.mktemp("bundles")
    return [small_onnx.bundle(folder / str(seed), seed) for seed in (1, 2)]


@pytest.fixture
def looking() -> Looking:
    return Looking()


@pytest.fixture
def live(looking: Looking) -> Iterator[LiveModel]:
    live = LiveModel(watch=looking)
    yield live
    live.close()


def pictures(bundle: Bundle, rows: int, *, most: int = 256) -> dict[str, np.ndarray]:
    (one,) = bundle.manifest.contract.inputs
    size = [3, *(int(dim) for dim in one.dims[2:])]
    return {one.name: np.random.default_rng(rows).integers(0, most, (rows, *size), np.uint8)}


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.005)


def test_what_differs_is_counted_by_slice_under_the_release_in_the_shadow(
    live: LiveModel, looking: Looking, bundles: list[Bundle], tmp_path: Path
) -> None:
    engines = LocalEngines("small-bays", live, looking)
    engines.activate(bundles[0], DEVICE, BUILT, 1)
    assert engines.shadow(bundles[1], DEVICE, BUILT, 2, 1.0) is None
    collector = Collector(lambda: Spool(tmp_path / "spool.db"), now=lambda: datetime.now(UTC))
    collector.follow("small-bays", live, looking)
    sent = [pictures(bundles[0], 1, most=most) for most in (256, 32)]
    totals: dict[str, int] = {}

    def both() -> bool:
        for one in sent:
            live.submit(one).result(SECONDS)
        ((target, counts, _),) = looking.take_beside()
        assert target.release == 2
        for name, count in counts.items():
            totals[name] = totals.get(name, 0) + count
        return {"shadow.dark.same", "shadow.dark.differs"} & set(totals) != set() and bool(
            {"shadow.bright.same", "shadow.bright.differs"} & set(totals)
        )

    until(both)
    expected = [
        int(small_onnx.answers(next(iter(one.values())), 1).argmax())
        != int(small_onnx.answers(next(iter(one.values())), 2).argmax())
        for one in sent
    ]
    for name, differs in zip(("bright", "dark"), expected, strict=True):
        assert (f"shadow.{name}.differs" in totals, f"shadow.{name}.same" in totals) == (differs, not differs)
    parts = [totals.get(f"shadow.{one}", 0) for one in ("same", "differs")]
    assert sum(parts) == totals["shadow.rows"]

    subjects: set[str] = set()

    def more() -> bool:
        live.submit(sent[0]).result(SECONDS)
        collector.flush()
        with closing(Spool(tmp_path / "spool.db")) as spool:
            if (batch := spool.batch(1 << 20)) is not None:
                subjects.update(record.subject for record in batch.records)
                spool.confirm(batch)
        return f"small-bays/2/{bundles[1].digest}" in subjects

    until(more)
    engines.unshadow()
    collector.close()


def test_both_are_compared_by_the_thresholds_of_the_site_from_the_moment_they_count(
    live: LiveModel, looking: Looking, bundles: list[Bundle]
) -> None:
    rules = [Rules("north", 1, "a" * 64)]
    engines = LocalEngines("small-bays", live, looking, rules=lambda: rules[0])
    engines.activate(bundles[0], DEVICE, BUILT, 1)
    assert engines.shadow(bundles[1], DEVICE, BUILT, 2, 1.0) is None
    shape = pictures(bundles[0], 1)["images"].shape
    faint = (np.random.default_rng(seed).integers(0, 2, shape, np.uint8) for seed in range(100))  # so none is sure
    sent = next(one for one in faint if {int(small_onnx.answers(one, seed).argmax()) for seed in (1, 2)} == {0, 1})

    def counted(name: str) -> bool:
        live.submit({"images": sent}).result(SECONDS)
        ((_, counts, _),) = looking.take_beside()
        return name in counts

    until(lambda: counted("shadow.differs"))
    rules[0] = Rules("north", 2, "b" * 64, {"small-bays": {"free": 1.0, "taken": 0.0}})
    until(lambda: counted("shadow.same"))
    engines.unshadow()


def test_what_takes_other_inputs_is_not_compared_and_nothing_runs_without_a_model(
    live: LiveModel, looking: Looking, bundles: list[Bundle], tmp_path: Path
) -> None:
    engines = LocalEngines("small-bays", live, looking)
    assert "Nothing answers here" in str(engines.shadow(bundles[1], DEVICE, BUILT, 2, 1.0))
    contract = bundles[0].manifest.contract
    (one,) = contract.inputs
    other = contract.model_copy(update={"inputs": (one.model_copy(update={"dims": ("batch", 3, 8, 8)}),)})
    engines.activate(bundles[0], DEVICE, BUILT, 1)
    manifest = bundles[1].manifest.model_copy(update={"contract": other})
    strange = SimpleNamespace(manifest=manifest, digest="x", folder=tmp_path)
    assert "takes other inputs" in str(engines.shadow(strange, DEVICE, BUILT, 2, 1.0))  # type: ignore[arg-type]
    assert looking.take_beside() == []


class Held:
    """A session that stays at its run until it is let go."""

    providers = ("cpu",)

    def __init__(self) -> None:
        self.begun, self.go = threading.Semaphore(0), threading.Semaphore(0)
        self.closed = threading.Event()

    def run(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        assert inputs
        self.begun.release()
        assert self.go.acquire(timeout=SECONDS)
        raise RuntimeError("no memory")

    def close(self) -> None:
        self.closed.set()


def loaded(bundle: Bundle, release: int, session: object) -> LoadedModel:
    return LoadedModel("small-bays", bundle.digest, release, "fp32", bundle.manifest.contract, session)  # type: ignore[arg-type]


def test_what_comes_while_it_is_busy_or_rests_is_dropped_and_an_error_counts_against_it_alone(
    bundles: list[Bundle],
) -> None:
    held, now = Held(), [100.0]
    shadow = Shadowing(loaded(bundles[1], 2, held), 0.5, works=0.2, draw=lambda: 0.1, pace=lambda: now[0])
    answers, given = loaded(bundles[0], 1, None), pictures(bundles[0], 2)
    outputs = {"logits": small_onnx.answers(next(iter(given.values())), 1)}
    shadow.show(answers, given, outputs)
    assert held.begun.acquire(timeout=SECONDS)
    shadow.show(answers, given, outputs)
    assert shadow.take()[0] == {"shadow.dropped": 1}
    now[0] += 1.0
    held.go.release()
    counted = {"shadow.failed": 1, "shadow.rows": 2, "shadow.differs": 2, "shadow.bright.differs": 2}
    until(lambda: shadow.take()[0] == counted)
    until(lambda: not shadow._busy)
    now[0] += 3.9  # it worked for a second, so it rests for four
    shadow.show(answers, given, outputs)
    assert shadow.take()[0] == {"shadow.dropped": 1}
    now[0] += 0.2
    shadow.show(answers, given, outputs)
    assert held.begun.acquire(timeout=SECONDS)
    held.go.release()
    shadow.close()
    assert held.closed.is_set()
    shadow.take()
    shadow.show(answers, given, outputs)
    assert shadow.take()[0] == {}


def test_it_sees_its_share_alone_and_nothing_of_itself(bundles: list[Bundle]) -> None:
    held = Held()
    shadow = Shadowing(loaded(bundles[1], 2, held), 0.5, draw=lambda: 0.6)
    given = pictures(bundles[0], 1)
    shadow.show(loaded(bundles[0], 1, None), given, {})
    assert not shadow._busy
    shadow.close()
    own = Shadowing(loaded(bundles[1], 2, held), 1.0, draw=lambda: 0.0)
    own.show(loaded(bundles[1], 2, None), given, {})
    assert not own._busy
    own.close()


def contract(*outputs: dict[str, object], thresholds: dict[str, float] | None = None) -> Contract:
    images = {"name": "images", "dtype": "uint8", "dims": ["batch", 3, 8, 8]}
    return Contract.model_validate(
        {
            "inputs": [images],
            "outputs": [{"dtype": "float32", "meaning": "What it says.", **one} for one in outputs],
            "dims": {"batch": {"least": 1, "usual": 1, "most": 4}},
            "thresholds": thresholds or {},
        }
    )


def test_each_kind_of_answer_differs_in_its_own_way() -> None:
    size = (8, 8)
    vectors = contract({"name": "embedding", "dims": ["batch", 2]}, thresholds={"cosine": 0.5})
    comparing = Comparing(vectors, vectors)
    near, far = np.array([[1, 1]], np.float32), np.array([[-1, 0.5]], np.float32)
    one = {"embedding": np.array([[1, 0]], np.float32)}
    assert not comparing.differs(one, {"embedding": near}, 0, size)
    assert comparing.differs(one, {"embedding": far}, 0, size)
    assert comparing.differs(one, {"embedding": np.full((1, 2), np.nan, np.float32)}, 0, size)
    boxes = contract(
        {"name": "scores", "dims": ["batch", 2, 1], "labels": ["car"]},
        {"name": "boxes", "dims": ["batch", 2, 4]},
        thresholds={"car": 0.5},
    )
    comparing = Comparing(boxes, boxes)
    places = np.array([[[0, 0, 4, 4], [4, 4, 8, 8]]], np.float32)
    scores = np.array([[[0.9], [0.2]]], np.float32)
    found = {"scores": scores, "boxes": places}
    assert not comparing.differs(found, {"scores": scores - 0.1, "boxes": places + 0.2}, 0, size)
    assert comparing.differs(found, {"scores": scores + 0.4, "boxes": places}, 0, size)
    assert comparing.differs(found, {"scores": scores - 0.5, "boxes": places}, 0, size)
    assert comparing.differs(found, {"scores": scores, "boxes": places[:, ::-1]}, 0, size)


def test_a_picture_is_dark_or_bright_and_what_is_no_picture_is_in_no_slice() -> None:
    dark, bright = (np.full((1, 3, 8, 8), value, np.uint8) for value in (10, 200))
    assert [*slices_of({"images": dark}, 0), *slices_of({"images": bright}, 0)] == ["dark", "bright"]
    assert [*slices_of({"rows": np.zeros((1, 4), np.float32)}, 0)] == []
