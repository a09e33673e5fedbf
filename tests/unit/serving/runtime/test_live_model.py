"""The live model: nothing admitted is lost, nothing is answered twice, and whoever answers says who it was."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small_onnx
from slipway.serving.bundle.contract import Contract
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.live import Answer, DeadlinePassed, LoadedModel, NoModel, Overloaded
from slipway.serving.runtime.live_model import LiveModel
from slipway.serving.runtime.session import Provider, Session, open_session

SECONDS = 30


class Watched:
    """A real session that can be held up, and that tells what was asked of it."""

    providers: Sequence[Provider] = ("cpu",)

    def __init__(self, session: Session) -> None:
        self._session = session
        self.runs: list[dict[str, Any]] = []
        self.entered, self.free = threading.Event(), threading.Event()
        self.free.set()
        self.closed = threading.Event()
        self.failure: Exception | None = None
        self.short = False

    def hold(self) -> None:
        self.runs.clear()
        self.entered.clear()
        self.free.clear()

    def run(self, inputs: Any) -> dict[str, Any]:
        assert not self.closed.is_set()
        self.runs.append(dict(inputs))
        self.entered.set()
        assert self.free.wait(SECONDS)
        if self.failure:
            raise self.failure
        found = self._session.run(inputs)
        return {"logits": found["logits"][:-1]} if self.short else found

    def close(self) -> None:
        assert not self.closed.is_set(), "closed twice"
        self.closed.set()

    @property
    def rows(self) -> list[int]:
        return [len(one["images"]) for one in self.runs]


Load = Callable[..., tuple[LoadedModel, Watched]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Opens the classifier with a seed, which is also the bundle's name."""

    def opened(seed: int = 0, contract: Contract = small_onnx.CONTRACT, **parts: Any) -> tuple[LoadedModel, Watched]:
        path = tmp_path / f"{seed}.onnx"
        path.write_bytes(small_onnx.classifier(seed).SerializeToString())
        session = Watched(open_session(path, small_onnx.CONTRACT))
        given: dict[str, Any] = {"model": "small-bays", "release": seed, "variant": "fp32", **parts}
        return LoadedModel(bundle=str(seed), contract=contract, session=session, **given), session

    return opened


Going = Callable[..., LiveModel]


@pytest.fixture
def going() -> Iterator[Going]:
    """Begins live models and ends them."""
    begun: list[LiveModel] = []

    def begin(loaded: LoadedModel | None = None, **options: Any) -> LiveModel:
        begun.append(LiveModel(loaded, **options))
        return begun[-1]

    yield begin
    for one in begun:
        one.close(SECONDS)


def right(answer: Answer, images: Any) -> bool:
    """Whether it is what the model that it names says of these images."""
    expected = small_onnx.answers(images, int(answer.bundle))
    return bool(np.allclose(np.asarray(answer.outputs["logits"], np.float64), expected, rtol=1e-3, atol=1e-2))


def some(count: int = 1, seed: int = 7) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (count, 3, 4, 4), np.uint8)


def held(live: LiveModel, session: Watched) -> "Future[Answer]":
    """Begin a run that does not end before the session is set free."""
    session.hold()
    found = live.submit({"images": some(1, 99)})
    assert session.entered.wait(SECONDS)
    return found


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
