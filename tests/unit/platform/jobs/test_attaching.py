"""Following work that somebody else executes: how often the store is asked, and that no end is missed."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from slipway.platform.jobs.attaching import LOOK_SECONDS, REMOTE_LOOK_SECONDS, STILL_SECONDS, follow
from slipway.platform.runs.attempts import Attempt
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import Outcome, State
from slipway.platform.runs.standing import Here, Standing
from slipway.platform.store import StoreUnreachable

Desk = Any


class Asked:
    """A store that counts what it is asked."""

    def __init__(self, store: Any, url: str = "") -> None:
        self._store, self.url = store, url or store.url
        self.questions: Counter[str] = Counter()
        self.away = False
        self.old = ""
        """A key that was written long ago."""

    def age(self, key: str) -> timedelta:
        self.questions["age"] += 1
        found: timedelta = timedelta(hours=1) if key == self.old else self._store.age(key)
        return found

    def __getattr__(self, name: str) -> Any:
        def ask(*arguments: Any) -> Any:
            self.questions[name] += 1
            if self.away:
                raise StoreUnreachable("nobody is at home")
            return getattr(self._store, name)(*arguments)

        return ask


class Said:
    """Remembers the steps that it was told, and the remarks."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.remarks: list[str] = []

    def note(self, text: str) -> None:
        self.remarks.append(text)

    def progress(self, told: Any, remark: str) -> None:
        if remark:
            self.remarks.append(remark)
        elif told:
            self.steps.append(told["step"])


@pytest.fixture
def attempt(desk: Desk) -> Iterator[Attempt]:
    """An attempt under way."""
    parts, _ = desk.work()
    with desk.claim(parts) as attempt:
        yield attempt


def beats(attempt: Attempt, count: int) -> list[Callable[[], object]]:
    """What its owner does between the looks."""
    return [partial(attempt.beat, step=step, progress={"step": step}) for step in range(1, count + 1)]


def finish(attempt: Attempt) -> None:
    """As its owner ends."""
    now = attempt.spec.created
    attempt.finish(Outcome(state=State.FAILED, reason="it fell over", ended=now, seconds=1.0))
    attempt.close()


def watch(store: Any, key: str, here: Here, script: list[Callable[[], object]]) -> tuple[Standing, Said, list[float]]:
    """Follow, while something happens in each pause."""
    said, slept, left = Said(), [], iter(script)

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        next(left)()

    found = follow(store, key, here, said, clock=lambda: sum(slept), sleep=sleep)
    return found, said, slept


def test_on_the_same_machine_a_look_is_one_question_and_the_end_is_seen_at_once(desk: Desk, attempt: Attempt) -> None:
    store = Asked(desk.store)
    still = [lambda: None] * 40
    script = [*beats(attempt, 20), *still, lambda: finish(attempt)]
    found, said, slept = watch(store, desk.key, Here.at(desk.loaded.root), [*script, lambda: None])
    assert found.state is State.FAILED
    assert said.steps[:20] == list(range(1, 21))
    assert slept[0] == LOOK_SECONDS
    looks = len(script)
    assert sum(store.questions.values()) <= looks + 16


def test_elsewhere_a_heartbeat_that_stands_still_makes_it_look_closer(desk: Desk, attempt: Attempt) -> None:
    store = Asked(desk.store, "s3://bucket/prefix")
    elsewhere = replace(Here.at(desk.loaded.root), host="elsewhere")
    script = [*beats(attempt, 20), lambda: finish(attempt), *[lambda: None] * 10]
    found, said, slept = watch(store, desk.key, elsewhere, script)
    assert found.state is State.FAILED
    assert said.steps[:20] == list(range(1, 21))
    assert set(slept) == {REMOTE_LOOK_SECONDS}
    assert sum(slept) <= 20 * REMOTE_LOOK_SECONDS + STILL_SECONDS + 3 * REMOTE_LOOK_SECONDS
    assert sum(store.questions.values()) <= len(slept) + 16


def test_a_store_that_is_away_meanwhile_is_told_and_asked_again(desk: Desk, attempt: Attempt) -> None:
    store = Asked(desk.store)

    def goes() -> None:
        store.away = True

    def comes() -> None:
        store.away = False

    script = [*beats(attempt, 2), goes, lambda: None, comes, *beats(attempt, 3)[2:]]
    script += [lambda: finish(attempt), lambda: None, lambda: None]
    found, said, _ = watch(store, desk.key, Here.at(desk.loaded.root), script)
    assert found.state is State.FAILED
    assert "the store does not answer" in said.remarks
    assert said.steps[-1] == 3


def test_an_owner_elsewhere_that_falls_silent_is_lost(desk: Desk, attempt: Attempt) -> None:
    elsewhere = replace(Here.at(desk.loaded.root), host="elsewhere")
    silent = Asked(desk.store)
    beat = WorkKeys(desk.key).attempt(1).heartbeat

    def long_ago() -> None:
        silent.old = beat

    found, *_ = watch(silent, desk.key, elsewhere, [*beats(attempt, 1), long_ago, *[lambda: None] * 30])
    assert found.state is State.LOST
