"""Starting a stack while another one of the same project is ending."""

from collections.abc import Sequence
from pathlib import Path
from threading import Thread

import pytest

from slipway.pipelines.local.parts import Tell
from slipway.pipelines.local.place import Place
from slipway.pipelines.local.standing import Lock
from slipway.pipelines.local.starting import start

PATIENCE_SECONDS = 60.0


class Prepared(Exception):
    """It would start now."""


class Opening:
    """Stops before anything runs."""

    def prepare(self, tell: Tell) -> Sequence[str]:
        raise Prepared(tell)


def test_one_that_finds_a_stack_ending_waits_for_its_end_and_then_starts(tmp_path: Path) -> None:
    place = Place(tmp_path, {})
    place.make()
    ending = Lock.take(place)
    assert ending is not None
    said: list[str] = []
    begun: list[BaseException] = []

    def asks() -> None:
        try:
            start(place, Opening(), detached=True, tell=said.append)
        except Prepared as reached:
            begun.append(reached)

    asking = Thread(target=asks)
    asking.start()
    while not said:
        asking.join(0.02)
        assert asking.is_alive()
    assert "runs already" in said[0]
    ending.close()
    asking.join(PATIENCE_SECONDS)
    assert len(begun) == 1
    assert said[1:] == ["That stack has ended meanwhile."]


def test_a_lock_that_is_free_is_taken_and_given_back(tmp_path: Path) -> None:
    place = Place(tmp_path, {})
    with pytest.raises(Prepared):
        start(place, Opening(), detached=True, tell=lambda _: None)
    taken = Lock.take(place)
    assert taken is not None
    taken.close()
