"""The live model while it is exchanged and closed: nothing admitted is lost and nothing is answered twice."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any

import numpy as np
import pytest

import small_onnx
from held_sessions import SECONDS, Watched, held, right, some
from slipway.serving.bundle.contract import Contract
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.live import Answer, LoadedModel, NoModel
from slipway.serving.runtime.live_model import LiveModel

Load = Callable[..., tuple[LoadedModel, Watched]]
Going = Callable[..., LiveModel]


def test_after_a_swap_what_was_begun_is_answered_by_the_old_model_and_what_waits_by_the_new(
    load: Load, going: Going
) -> None:
    (one, old), (two, new) = load(1), load(2)
    live = going(one)
    begun = held(live, old)
    waiting = live.submit({"images": some()})
    live.swap(two)
    assert live.loaded is two
    assert not old.closed.is_set()
    assert new.rows[-1] == 4, "it was warmed with the greatest batch before it took over"
    old.free.set()
    assert begun.result(SECONDS).bundle == "1"
    assert waiting.result(SECONDS).bundle == "2"
    assert right(waiting.result(), some())
    assert old.closed.wait(SECONDS)
    assert live.current()[1].answered == 1
    assert live.total().answered == 2


def test_what_waits_is_answered_by_the_old_model_where_the_new_one_takes_other_inputs(load: Load, going: Going) -> None:
    told = small_onnx.CONTRACT.model_dump(mode="json")
    told["inputs"][0]["preprocessing"]["resize"] = "letterbox"
    (one, old), (two, _) = load(1), load(2, Contract.model_validate(told))
    live = going(one)
    begun = held(live, old)
    waiting = [live.submit({"images": some(1, seed)}) for seed in range(6)]
    live.swap(two)
    after = live.submit({"images": some()})
    old.free.set()
    assert {request.result(SECONDS).bundle for request in [begun, *waiting]} == {"1"}
    assert after.result(SECONDS).bundle == "2"
    assert old.closed.wait(SECONDS)


def test_a_model_taken_away_answers_what_it_admitted_and_nothing_more(load: Load, going: Going) -> None:
    loaded, session = load()
    live = going(loaded)
    asked = [held(live, session), live.submit({"images": some()})]
    live.swap(None)
    with pytest.raises(NoModel):
        live.submit({"images": some()})
    assert live.current()[1].admitted == 0
    session.free.set()
    assert len(wait(asked, SECONDS).done) == 2
    assert session.closed.wait(SECONDS)
    assert live.total().answered == 2


def test_a_model_that_cannot_answer_never_takes_over(load: Load, going: Going) -> None:
    (one, old), (two, new) = load(1), load(2)
    live = going(one)
    new.failure = ModelUnfit("it does not run")
    with pytest.raises(ModelUnfit):
        live.swap(two)
    assert new.closed.is_set()
    assert not old.closed.is_set()
    assert live.submit({"images": some()}).result(SECONDS).bundle == "1"


def test_the_same_session_under_another_name_goes_on(load: Load, going: Going) -> None:
    loaded, session = load(1)
    live = going(loaded)
    begun = held(live, session)
    live.swap(LoadedModel("small-bays", "1", 9, "fp32", loaded.contract, session))
    session.free.set()
    assert begun.result(SECONDS).release == 1
    assert live.submit({"images": some()}).result(SECONDS).release == 9
    assert not session.closed.is_set()
    assert live.total().answered == 2
    live.close(SECONDS)
    assert session.closed.is_set()


def test_closing_answers_what_was_admitted(load: Load) -> None:
    loaded, session = load()
    live = LiveModel(loaded)
    asked = [held(live, session), *(live.submit({"images": some()}) for _ in range(5))]
    session.free.set()
    live.close(SECONDS)
    assert all(one.result(0).bundle == "0" for one in asked)
    assert session.closed.is_set()
    with pytest.raises(NoModel):
        live.submit({"images": some()})
    other, unused = load(1)
    with pytest.raises(NoModel, match="closed already"):
        live.swap(other)
    assert unused.closed.is_set()
    live.close()


def test_closing_waits_no_longer_than_it_is_told(load: Load) -> None:
    loaded, session = load()
    live = LiveModel(loaded)
    begun = held(live, session)
    waiting, gone = live.submit({"images": some()}), live.submit({"images": some()})
    gone.cancel()
    live.close(0.01)
    with pytest.raises(NoModel, match="before the request's turn"):
        waiting.result(0)
    session.free.set()
    assert begun.result(SECONDS).bundle == "0"
    assert session.closed.wait(SECONDS)


def test_swaps_under_load_lose_nothing_and_answer_nothing_twice(load: Load, going: Going, seed: int) -> None:
    chance = np.random.default_rng(seed)
    first, session = load(0)
    live = going(first, depth=1000)
    sessions, ended = [session], threading.Event()
    answers: list[tuple[Any, Future[Answer]]] = []
    calls: list[int] = []
    lock = threading.Lock()

    def produce(own: int) -> None:
        numbers = np.random.default_rng([seed, own])
        while not ended.is_set():
            images = numbers.integers(0, 256, (int(numbers.integers(1, 4)), 3, 4, 4), np.uint8)
            asked = live.submit({"images": images})
            asked.add_done_callback(lambda _: calls.append(own))
            with lock:
                answers.append((images, asked))
            if numbers.random() < 0.3:
                asked.result(SECONDS)

    producers = [threading.Thread(target=produce, args=(own,)) for own in range(4)]
    for one in producers:
        one.start()
    for number in range(1, 31):
        loaded, session = load(number)
        sessions.append(session)
        live.swap(loaded)
        live.submit({"images": some()}).result(SECONDS)
        time.sleep(float(chance.random()) * 0.003)
    ended.set()
    for one in producers:
        one.join(SECONDS)
    live.close(SECONDS)
    assert all(right(asked.result(0), images) for images, asked in answers)
    assert len(calls) == len(answers)
    assert all(one.closed.is_set() for one in sessions)
    told = live.total()
    assert (told.admitted, told.failed, told.dropped) == (told.answered, 0, 0)
    assert told.answered == len(answers) + 30
    assert told.latency.count == told.answered
    assert len({asked.result().bundle for _, asked in answers}) > 5
