"""The judgement of a release on probation: each way to fail, its edge, and what is too little to say anything."""

import math
from typing import Any

import pytest

from slipway.serving.bundle.manifest import DeviceClass
from slipway.serving.channel.release import Release
from slipway.serving.edge.agent.health import Judgement, Rules, judge, usual_of
from slipway.serving.edge.agent.ports import Observed
from slipway.serving.edge.agent.state import Installed, Watched

BUDGET = DeviceClass(variants=("fp32",), batch=1, latency_ms=20, memory_mb=200, size_mb=4)
GPU = DeviceClass(runtime="cuda", variants=("fp16",), batch=1, latency_ms=20, memory_mb=200, size_mb=4)
RELEASE = Release.model_validate(
    {"model": "small-bays", "number": 2, "bundle": "0" * 64, "floor": 1, "signed_at": "2026-03-01T00:00:00Z"}
)
ACTIVE = Installed(slot="a", release=RELEASE, variant="fp32", provider="cpu", proven=True, p95_ms=4)
RULES = Rules(seconds=600, sample=100, longest=6000, errors=0.02, slower=3, divergence=0.5, further=0.25)
USUAL = {"outputs.logits.mean": 0.1, "outputs.logits.length": 0.2, "outputs.peaks.mean": 0.6, "inputs.images.red": 0.1}


def judged(watched: Watched, budget: DeviceClass = BUDGET, **observed: Any) -> tuple[Judgement, str]:
    seen = {"seconds": 600.0, "answered": watched.answered, "failed": watched.failed, "p95_ms": 4.0, "provider": "cpu"}
    found = judge(
        Observed(**{**seen, "divergence": {}, "lately": {}, **observed}),
        watched,
        ACTIVE,
        budget,
        usual=USUAL,
        rules=RULES,
    )
    return found.judgement, found.why


WELL = Watched(seconds=600, answered=100, failed=0)


def test_enough_time_and_enough_requests_settle_it() -> None:
    assert judged(WELL)[0] is Judgement.SETTLE
    assert judged(Watched(seconds=599.9, answered=100))[0] is Judgement.WATCH
    assert judged(Watched(seconds=600, answered=99))[0] is Judgement.WATCH
    assert judged(Watched(seconds=6000, answered=0))[0] is Judgement.SETTLE


@pytest.mark.parametrize(("failed", "expected"), [(0, Judgement.SETTLE), (2, Judgement.SETTLE), (3, Judgement.REVERT)])
def test_more_failures_than_the_share_that_is_allowed_revert(failed: int, expected: Judgement) -> None:
    assert judged(Watched(seconds=600, answered=100 - failed, failed=failed))[0] is expected


def test_few_requests_say_nothing_also_where_all_failed() -> None:
    assert judged(Watched(seconds=500, answered=0, failed=99))[0] is Judgement.WATCH
    found = judged(Watched(seconds=500, answered=0, failed=100))
    assert found == (Judgement.REVERT, "100.0% of 100 requests failed; 2.0% are allowed.")


@pytest.mark.parametrize(("p95", "expected"), [(12.0, Judgement.SETTLE), (12.1, Judgement.REVERT)])
def test_it_may_be_three_times_as_slow_as_it_was_proven(p95: float, expected: Judgement) -> None:
    assert judged(WELL, p95_ms=p95)[0] is expected


def test_it_may_never_take_more_than_the_class_has_and_half_of_that_is_always_fine() -> None:
    for proven, limit in ((18, 20), (0.1, 10), (5, 15)):
        active = ACTIVE.model_copy(update={"p95_ms": proven})
        for p95, expected in ((limit, Judgement.SETTLE), (limit + 0.01, Judgement.REVERT)):
            seen = Observed(seconds=1, answered=100, failed=0, p95_ms=p95, provider="cpu", divergence={}, lately={})
            assert judge(seen, WELL, active, BUDGET, usual={}, rules=RULES).judgement is expected


def test_a_latency_that_is_no_number_is_none_that_is_allowed() -> None:
    assert judged(WELL, p95_ms=math.nan)[0] is Judgement.REVERT


def test_answers_that_are_distributed_otherwise_revert_once_there_are_enough() -> None:
    far = {"outputs.logits.mean": 0.2, "outputs.logits.length": 0.51}
    assert judged(WELL, divergence=far)[1].startswith("outputs.logits.length is distributed otherwise")
    assert judged(WELL, divergence={"outputs.logits.mean": 0.5})[0] is Judgement.SETTLE
    assert judged(WELL, divergence={"outputs.logits.mean": math.nan})[0] is Judgement.REVERT
    few = judged(WELL, answered=99, divergence=far)  # of this process's answers, which are too few to compare
    assert few[0] is Judgement.SETTLE


@pytest.mark.parametrize(("far", "expected"), [(0.84, Judgement.SETTLE), (0.86, Judgement.REVERT)])
def test_where_a_device_is_always_far_from_the_reference_only_what_is_further_reverts(
    far: float, expected: Judgement
) -> None:
    assert judged(WELL, divergence={"outputs.peaks.mean": far})[0] is expected


def test_neither_what_the_camera_shows_nor_what_nothing_is_known_of_reverts() -> None:
    assert judged(WELL, divergence={"inputs.images.red": 1.0, "outputs.boxes.mean": 1.0})[0] is Judgement.SETTLE


def test_only_enough_answers_say_what_is_usual() -> None:
    seen: Any = {"seconds": 600.0, "failed": 0, "p95_ms": 4.0, "provider": "cpu", "divergence": {}}
    lately = {"outputs.logits.mean": 0.3, "outputs.boxes.mean": math.nan}
    assert usual_of(Observed(answered=100, lately=lately, **seen), RULES) == {"outputs.logits.mean": 0.3}
    assert usual_of(Observed(answered=99, lately=lately, **seen), RULES) == {}


def test_a_lost_accelerator_is_a_failure_at_once_and_no_accelerator_is_none() -> None:
    none = Watched()
    assert judged(none, GPU, provider="cpu")[0] is Judgement.REVERT
    assert judged(none, GPU, provider="cuda")[0] is Judgement.WATCH
    assert judged(none, BUDGET, provider="cpu")[0] is Judgement.WATCH
