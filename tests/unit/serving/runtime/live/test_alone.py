"""A thread that asks a quick model alone runs it itself: counted once, in turn with the worker, never for long."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from held_sessions import SECONDS, Watched, held, right, some, until
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.live import Answer, DeadlinePassed, LoadedModel
from slipway.serving.runtime.live_model import LiveModel

Load = Callable[..., tuple[LoadedModel, Watched]]
Going = Callable[..., LiveModel]
Kept = list[Answer]


def quick(live: LiveModel, images: Any) -> Answer:
    """Have it answered by others until it is answered here."""
    found: Kept = []

    def ask() -> bool:
        answer = live.answer_here({"images": images})
        if answer is None:
            live.submit({"images": images}).result(SECONDS)
            return False
        found.append(answer)
        return True

    assert until(ask)
    return found[0]


def test_once_runs_were_quick_the_asking_thread_runs_the_next_one_and_it_is_counted(load: Load, going: Going) -> None:
    loaded, session = load(3)
    live = going(loaded)
    assert live.answer_here({"images": some()}) is None, "nobody knows yet how long it takes"
    images = some()
    answer = quick(live, images)
    assert right(answer, images)
    assert (answer.bundle, answer.release, answer.variant) == ("3", 3, "fp32")
    assert session.runs[-1]["images"] is images
    told = live.total()
    assert told.admitted == told.answered == told.batches == told.latency.count == told.rows


def test_another_size_is_not_expected_to_be_as_quick(load: Load, going: Going) -> None:
    loaded, _ = load()
    live = going(loaded)
    quick(live, some())
    assert live.answer_here({"images": some(2)}) is None
    assert live.total().admitted == live.total().answered


def test_a_slow_run_gives_the_work_back_to_the_worker(load: Load, going: Going) -> None:
    loaded, session = load()
    live = going(loaded)
    quick(live, some())
    begun = held(live, session)
    threading.Timer(0.02, session.free.set).start()
    begun.result(SECONDS)
    assert live.answer_here({"images": some()}) is None


def test_what_runs_or_waits_already_goes_first(load: Load, going: Going) -> None:
    loaded, session = load()
    live = going(loaded)
    quick(live, some())
    begun = held(live, session)
    waiting = live.submit({"images": some()})
    assert live.answer_here({"images": some()}) is None
    session.free.set()
    assert right(begun.result(SECONDS), some(1, 99))
    assert right(waiting.result(SECONDS), some())


def test_a_session_is_closed_only_after_the_run_of_whoever_asked_alone(load: Load, going: Going) -> None:
    (one, old), (two, _) = load(1), load(2)
    live = going(one)
    quick(live, some())
    old.hold()
    with ThreadPoolExecutor(1) as asking:
        asked = asking.submit(live.answer_here, {"images": some()})
        assert old.entered.wait(SECONDS)
        live.swap(two)
        after = live.submit({"images": some()})
        assert not old.closed.is_set()
        old.free.set()
        here = asked.result(SECONDS)
    assert here is not None
    assert here.bundle == "1"
    assert after.result(SECONDS).bundle == "2"
    assert old.closed.wait(SECONDS)
    assert live.total().answered == live.total().admitted


def test_what_is_wrong_is_said_to_whoever_asked(load: Load, going: Going) -> None:
    loaded, session = load()
    live = going(loaded)
    quick(live, some())
    with pytest.raises(WrongUse):
        live.answer_here({"pictures": some()})
    with pytest.raises(DeadlinePassed):
        live.answer_here({"images": some()}, deadline=time.monotonic() - 1)
    session.failure = ModelUnfit("no more")
    with pytest.raises(ModelUnfit, match="no more"):
        live.answer_here({"images": some()})
    session.failure = None
    assert right(quick(live, some()), some())
    told = live.total()
    assert (told.dropped, told.failed) == (1, 1)
    assert told.admitted == told.answered + 2


def test_callers_alone_and_together_are_each_answered_once(load: Load, going: Going) -> None:
    sessions = [load(number) for number in range(6)]
    live = going(sessions[0][0], depth=1000)

    def ask() -> None:
        for _ in range(200):
            answer = live.answer_here({"images": some()})
            if answer is None:
                answer = live.submit({"images": some()}).result(SECONDS)
            assert right(answer, some())

    with ThreadPoolExecutor(2) as asking:
        both = [asking.submit(ask) for _ in range(2)]
        for loaded, _ in sessions[1:]:
            live.swap(loaded)
        for one in both:
            one.result(SECONDS)
    live.close(SECONDS)
    told = live.total()
    assert told.admitted == told.answered == 400
    assert all(session.closed.is_set() for _, session in sessions)
