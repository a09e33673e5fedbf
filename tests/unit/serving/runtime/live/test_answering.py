"""The live model answers: alone as it came, together with whatever has queued, and never what nobody waits for."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from typing import Any

import numpy as np
import pytest

from held_sessions import SECONDS, Watched, held, right, some
from slipway.serving.bundle.contract import Contract
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.live import Answer, DeadlinePassed, LoadedModel, Overloaded
from slipway.serving.runtime.live_model import LiveModel
from slipway.serving.runtime.session import Provider

Load = Callable[..., tuple[LoadedModel, Watched]]
Going = Callable[..., LiveModel]


def test_a_request_alone_goes_through_as_it_came(load: Load, going: Going) -> None:
    loaded, session = load(3)
    live = going(loaded)
    session.runs.clear()
    images = some(2)
    answer = live.submit({"images": images}).result(SECONDS)
    assert right(answer, images)
    assert (answer.bundle, answer.release) == ("3", 3)
    (run,) = session.runs
    assert run["images"] is images


def test_what_has_queued_runs_together_in_its_order_and_no_request_is_split(load: Load, going: Going) -> None:
    loaded, session = load()
    live = going(loaded)
    held(live, session)
    given = [some(rows, seed) for seed, rows in enumerate([1, 2, 1, 3, 2, 1, 1, 4])]
    asked = [live.submit({"images": one}) for one in given]
    session.free.set()
    wait(asked, SECONDS)
    assert all(right(one.result(), images) for one, images in zip(asked, given, strict=True))
    assert session.rows == [1, 4, 3, 4, 4]
    assert live.total().rows == 16


def test_a_device_class_may_allow_less_and_a_larger_request_still_runs(load: Load, going: Going) -> None:
    loaded, session = load(batch=2)
    live = going(loaded)
    held(live, session)
    given = [some(rows, seed) for seed, rows in enumerate([1, 1, 1, 3])]
    asked = [live.submit({"images": one}) for one in given]
    session.free.set()
    assert all(right(one.result(SECONDS), images) for one, images in zip(asked, given, strict=True))
    assert session.rows == [1, 2, 1, 3]


def test_rows_of_several_requests_are_copied_into_the_same_array_each_time(load: Load, going: Going) -> None:
    loaded, session = load()
    live = going(loaded)
    arrays = []
    for _ in range(3):
        held(live, session)
        asked = [live.submit({"images": some(1, seed)}) for seed in (1, 2, 3)]
        session.free.set()
        wait(asked, SECONDS)
        arrays.append(session.runs[1]["images"])
    assert all(np.shares_memory(arrays[0], one) for one in arrays[1:])


def test_answers_stay_as_they_are_when_later_ones_come(load: Load, going: Going) -> None:
    loaded, session = load()
    live = going(loaded)
    first = live.submit({"images": some(2, 1)}).result(SECONDS)
    held(live, session)
    asked = [live.submit({"images": some(1, seed)}) for seed in (2, 3)]
    session.free.set()
    wait(asked, SECONDS)
    assert right(first, some(2, 1))
    assert right(asked[0].result(), some(1, 2))


def test_other_sizes_run_apart(going: Going) -> None:
    wide = Contract.model_validate(
        {
            "inputs": [{"name": "images", "dtype": "uint8", "dims": ["batch", 3, "height", 4]}],
            "outputs": [{"name": "logits", "dims": ["batch", 2], "meaning": "Scores."}],
            "dims": {"batch": {"most": 4}, "height": {"most": 9}},
        }
    )
    sizes: list[tuple[int, ...]] = []

    class Sizes:
        providers: Sequence[Provider] = ("cpu",)
        free = threading.Event()

        def run(self, inputs: Any) -> dict[str, Any]:
            assert self.free.wait(SECONDS)
            sizes.append(inputs["images"].shape)
            return {"logits": np.zeros((len(inputs["images"]), 2), np.float32)}

        def close(self) -> None:
            """Nothing is held."""

    session = Sizes()
    session.free.set()
    live = going(LoadedModel("m", "0", None, "fp32", wide, session))
    session.free.clear()
    sizes.clear()
    asked = [live.submit({"images": np.zeros((1, 3, height, 4), np.uint8)}) for height in (1, 5, 5, 6, 6, 6, 5)]
    session.free.set()
    wait(asked, SECONDS)
    assert [one[:3:2] for one in sizes] == [(1, 1), (2, 5), (3, 6), (1, 5)]


def test_a_full_queue_admits_nothing_more(load: Load, going: Going) -> None:
    loaded, session = load()
    live = going(loaded, depth=2)
    asked = [held(live, session)]
    asked += [live.submit({"images": some()}) for _ in range(2)]
    with pytest.raises(Overloaded, match="2 requests wait already"):
        live.submit({"images": some()})
    assert live.waiting == 2
    session.free.set()
    assert len(wait(asked, SECONDS).done) == 3
    live.submit({"images": some()}).result(SECONDS)
    told = live.total()
    assert (told.admitted, told.answered, told.refused) == (4, 4, 1)


def test_inputs_that_the_contract_does_not_allow_are_not_admitted(load: Load, going: Going) -> None:
    live = going(load()[0])
    with pytest.raises(WrongUse, match="has 5 in `batch`"):
        live.submit({"images": some(5)})
    assert live.total().admitted == 0


def test_what_goes_wrong_reaches_those_of_its_batch_alone(load: Load, going: Going) -> None:
    loaded, session = load()
    live = going(loaded)
    begun = held(live, session)
    waiting = live.submit({"images": some()})
    session.failure = RuntimeError("the driver is gone")
    session.free.set()
    for one in (begun, waiting):
        with pytest.raises(RuntimeError, match="the driver is gone"):
            one.result(SECONDS)
    session.failure = None
    assert right(live.submit({"images": some()}).result(SECONDS), some())
    told = live.total()
    assert (told.admitted, told.answered, told.failed) == (3, 1, 2)


def test_an_answer_with_too_few_rows_is_given_to_nobody(load: Load, going: Going) -> None:
    loaded, session = load()
    live = going(loaded)
    held(live, session)
    asked = [live.submit({"images": some()}) for _ in range(3)]
    session.short = True
    session.free.set()
    for one in asked:
        with pytest.raises(ModelUnfit, match="`logits` has 2 rows for 3 rows"):
            one.result(SECONDS)


def test_a_request_whose_deadline_passed_or_that_was_cancelled_is_not_run(load: Load, going: Going) -> None:
    loaded, session = load()
    live = going(loaded)
    begun = held(live, session)
    late = live.submit({"images": some(1, 1)}, deadline=time.monotonic())
    cancelled = live.submit({"images": some(1, 2)})
    assert cancelled.cancel()
    wanted = live.submit({"images": some(1, 3)}, deadline=time.monotonic() + SECONDS)
    session.free.set()
    assert right(wanted.result(SECONDS), some(1, 3))
    with pytest.raises(DeadlinePassed):
        late.result(SECONDS)
    assert begun.done()
    assert session.rows == [1, 1]
    told = live.total()
    assert (told.admitted, told.answered, told.dropped) == (4, 2, 2)


def test_what_watches_is_shown_each_batch_and_may_fail(load: Load, going: Going) -> None:
    loaded, _ = load()
    shown: list[tuple[str, int]] = []

    def watch(model: LoadedModel, inputs: Any, outputs: Any) -> None:
        shown.append((model.bundle, len(inputs["images"]) + len(outputs["logits"])))
        raise ValueError("no sketch")

    live = going(loaded, watch=watch)
    for _ in range(2):
        live.submit({"images": some(2)}).result(SECONDS)
    live.close(SECONDS)
    assert shown == [("0", 4)] * 2


def test_it_answers_tasks_of_an_event_loop(load: Load, going: Going) -> None:
    live = going(load()[0])
    given = [some(1, seed) for seed in range(20)]

    async def ask(images: Any) -> Answer:
        return await asyncio.wrap_future(live.submit({"images": images}))

    async def all_of_them() -> list[Answer]:
        return await asyncio.gather(*map(ask, given))

    assert all(map(right, asyncio.run(all_of_them()), given))
