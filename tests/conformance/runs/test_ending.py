"""What others see of an owner late or at an odd moment: nobody begins what is under way or done."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.runs import attempts
from slipway.platform.runs.attempts import Attempt, Claimant, claim
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import Outcome, Result, State
from slipway.platform.runs.results import bind_result
from slipway.platform.runs.standing import Here, Standing, numbers
from slipway.platform.store.directory import DirectoryStore

NOW = datetime(2026, 11, 20, tzinfo=UTC)


class WatchedStore(DirectoryStore):
    """Something happens before one of its answers."""

    def __init__(self, root: Path, before: int, happen: Callable[[], object]) -> None:
        super().__init__(root)
        self._left, self._happen = before, happen
        self.happened = False

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0:
            self.happened = True
            self._happen()

    def get(self, key: str) -> bytes:
        self._count()
        return super().get(key)

    def age(self, key: str) -> timedelta:
        self._count()
        return super().age(key)

    def list(self, prefix: str = "") -> Any:
        self._count()
        return super().list(prefix)


def test_an_owner_that_ends_while_others_look_leaves_them_nothing_to_do(
    parts: Parts, here: Here, elsewhere: Here, claimant: Callable[[Here], Claimant], tmp_path: Path
) -> None:
    ended_while_they_looked = 0
    for machine in (here, elsewhere):
        for step in range(1, 12):
            root = tmp_path / f"store-{machine.host}-{step}"
            attempt = claim(DirectoryStore(root), parts, claimant(here), here)
            assert isinstance(attempt, Attempt)

            def end(attempt: Attempt = attempt, root: Path = root) -> None:
                made = Result(key=parts.key, attempt=1, finished=NOW, files={}, metrics={}, steps=9, seconds=1.0)
                bind_result(DirectoryStore(root), made)
                attempt.finish(Outcome(state=State.DONE, reason="so it was", ended=NOW, seconds=1.0))
                attempt.close()

            looking = WatchedStore(root, step, end)
            found = claim(looking, parts, claimant(machine), machine)
            assert isinstance(found, Standing), (machine.host, step)
            assert numbers(looking, parts.key) == [1]
            ended_while_they_looked += looking.happened
            attempt.close()
    assert ended_while_they_looked >= 8


class LateStore(DirectoryStore):
    """Lists what was put only when it is asked again and again, as a network file system may."""

    def __init__(self, root: Path, late: int) -> None:
        super().__init__(root)
        self.late = late
        self.asked = 0

    def list(self, prefix: str = "") -> Any:
        self.asked += 1
        return iter(()) if self.asked <= self.late else super().list(prefix)


def test_an_attempt_that_is_listed_late_is_not_made_twice_and_not_asked_for_without_a_rest(
    parts: Parts, here: Here, elsewhere: Here, claimant: Callable[[Here], Claimant], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    rests: list[float] = []
    monkeypatch.setattr(time, "sleep", rests.append)
    first = claim(DirectoryStore(tmp_path / "store"), parts, claimant(here), here)
    assert isinstance(first, Attempt)
    late = LateStore(tmp_path / "store", late=5)
    found = claim(late, parts, claimant(elsewhere), elsewhere)
    assert isinstance(found, Standing)
    assert (found.under_way, found.number) == (True, 1)
    assert rests == [attempts.LISTED_LATE_SECONDS] * 4
    first.close()
