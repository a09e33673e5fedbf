"""The log of an attempt: what is in the store when the runner is killed, what the runner says in it, what is masked."""

import itertools
import random
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.runner.log import PREFIX
from slipway.platform.jobs.runner.masking import Masks
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.pieces import Pieces
from slipway.platform.runs.records import Cause, State
from slipway.platform.store import StoreUnreachable

pytestmark = pytest.mark.timeout(240)

Desk = Any
Eventually = Callable[[Callable[[], bool]], None]
ALLOWED = 5.0
"""Seconds that the stored log may be behind."""
CHATTER = """
import os, threading, time
def chat():
    while True:
        os.write(1, f'tick {time.monotonic()}\\n'.encode())
        time.sleep(0.01)
threading.Thread(target=chat, daemon=True).start()
"""


def ticks(text: str) -> list[float]:
    """When the lines were printed, by the clock that all processes of this machine share."""
    return [float(found) for found in re.findall(r"^tick ([0-9.]+)$", text, re.MULTILINE)]


def test_the_last_stored_line_is_at_most_seconds_behind_a_killed_runner(desk: Desk, eventually: Eventually) -> None:
    runner = desk.begin(load=CHATTER, wait_at=3, options=["--usual"])
    eventually(lambda: len(ticks(desk.log())) > 0)
    first, wanted = ticks(desk.log())[-1], random.Random(time.time_ns()).uniform(0, 4)
    eventually(lambda: time.monotonic() > first + wanted)
    runner.kill()
    killed = time.monotonic()
    runner.wait()
    found = ticks(desk.log())
    assert found[-1] > killed - ALLOWED
    assert found == sorted(found)
    assert max(after - before for before, after in itertools.pairwise(found)) < ALLOWED, "a piece is missing"


class Blocked:
    """A store to which one checkpoint is on its way for as long as the test wants."""

    def __init__(self, store: Any, release: threading.Event) -> None:
        self._store, self._release = store, release
        self.waiting = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def put_file(self, key: str, path: Path) -> None:
        if key.endswith(".ckpt"):
            self.waiting.set()
            self._release.wait(60)
        self._store.put_file(key, path)


def test_a_checkpoint_on_its_way_holds_up_neither_log_nor_signs_of_life(desk: Desk, eventually: Eventually) -> None:
    release = threading.Event()
    store = Blocked(desk.store, release)
    outcomes: list[Any] = []
    thread = threading.Thread(target=lambda: outcomes.append(desk.run(store=store, load=CHATTER, wait_at=3).outcome))
    thread.start()
    try:
        assert store.waiting.wait(60)
        now, beat = time.monotonic(), desk.heartbeat().sequence
        eventually(lambda: (ticks(desk.log()) or [0.0])[-1] > now)
        eventually(lambda: desk.heartbeat().sequence > beat + 1)
    finally:
        release.set()
        desk.release().touch()
        thread.join()
    assert outcomes[0].state is State.DONE


def test_the_runner_says_in_the_log_what_it_does_and_how_it_ended(desk: Desk) -> None:
    desk.run(fail_at=3)
    desk.run()
    own = [line.removeprefix(PREFIX) for line in desk.log(2).splitlines() if line.startswith(PREFIX)]
    assert own[0].startswith("first-try: attempt 2, after attempt 1, failed")
    assert own[1] == "Going on from the checkpoint of attempt 1 at step 2."
    assert [line for line in own if line.startswith("train: step")], "how far it is, for who follows the log"
    assert own[-1] == "done: Done."
    assert "failed: ZeroDivisionError: the loss was divided by nothing" in desk.log(1)


def test_a_line_of_the_runner_is_whole_beside_a_torn_one_of_the_child(desk: Desk) -> None:
    desk.run(load="print('50 %', end='', flush=True)", end_with=3)
    assert f"50 %rank 0 resumes from None\n{PREFIX}" in desk.log()
    desk.run(load="print('50 %', end='', flush=True); raise SystemExit(3)")
    assert f"50 %\n{PREFIX}failed" in desk.log(2)


SECRET = "hunter2-hunter2"


def test_a_secret_is_seen_by_the_child_and_by_nobody_who_reads_the_record(desk: Desk) -> None:
    desk.environ = {**desk.environ, "MY_KEY": SECRET, "OTHER_KEY": "not-asked-for"}
    line = "import os; print('KEY', os.environ['MY_KEY'], os.environ.get('OTHER_KEY'), 'END', flush=True)"
    assert desk.run(load=line, job={"secrets": ("MY_KEY",)}).outcome.state is State.DONE, desk.log()
    assert f"KEY {'*' * len(SECRET)} None END" in desk.log()
    key = desk.key
    broken = "import os; raise ValueError('refused: ' + os.environ['MY_KEY'])"
    outcome = desk.run(load=broken, fresh=True, job={"secrets": ("MY_KEY",)}).outcome
    assert outcome.state is State.FAILED
    assert "refused: ***" in outcome.traceback
    stored = b"".join(desk.store.get(one) for one in desk.store.list("work/") if not one.endswith(".ckpt"))
    assert SECRET.encode() not in stored
    assert desk.key == key, "the work is the same whoever's secret it runs with"


def test_a_secret_that_is_missing_is_named_before_anything_is_fetched(desk: Desk) -> None:
    with pytest.raises(SlipwayError, match="`MY_KEY`"):
        desk.run(submitted=True, job={"secrets": ("MY_KEY",)})
    outcome = desk.outcome()
    assert (outcome.state, outcome.cause) == (State.FAILED, Cause.EXIT_CODE)
    assert "`secrets`" in outcome.mend
    assert "MY_KEY" in desk.log()


def test_a_secret_may_not_take_the_name_of_what_decides_over_the_weights(desk: Desk) -> None:
    desk.environ = {**desk.environ, "OMP_NUM_THREADS": "64"}
    with pytest.raises(SlipwayError, match="`OMP_NUM_THREADS`"):
        desk.run(job={"secrets": ("OMP_NUM_THREADS",)})


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        (SECRET, f"a {SECRET} b {SECRET}{SECRET}"),
        ('with "quotes" and\ttabs', '{"key": "with \\"quotes\\" and\\ttabs"}'),
        ("p@ss/word", "https://me:p%40ss%2Fword@there"),
        ("-----BEGIN\nfirst-line\nlast-line", "first-line\nis the first"),
    ],
)
def test_every_form_of_a_secret_is_masked_and_no_offset_moves(secret: str, said: str) -> None:
    found = Masks([secret]).data(said.encode())
    assert len(found) == len(said.encode())
    assert b"***" in found
    assert not any(part.encode() in found for part in (secret, "p%40ss", "first-line", "quotes"))


def test_what_is_too_short_to_be_a_secret_stays() -> None:
    assert Masks(["", "1"]).text("step 11") == "step 11"


class LostAnswers:
    """A store that writes, and once says that it did not."""

    def __init__(self, store: Any) -> None:
        self._store, self.left = store, 1

    def put(self, key: str, data: bytes) -> None:
        self._store.put(key, data)
        if self.left:
            self.left -= 1
            raise StoreUnreachable("the answer was lost")


def test_a_piece_whose_answer_was_lost_is_written_again_as_it_was(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    file.write_text("one\n")
    pieces = Pieces(LostAnswers(desk.store), "log/", file)  # type: ignore[arg-type]
    with pytest.raises(StoreUnreachable):
        pieces.put()
    file.write_text("one\ntwo\n")
    pieces.put()
    assert [desk.store.get(key) for key in desk.store.list("log/")] == [b"one\n", b"two\n"]


def test_nothing_of_a_log_is_lost_when_the_attempt_never_had_a_child(desk: Desk) -> None:
    with pytest.raises(SlipwayError):
        desk.run(job={"secrets": ("MY_KEY",)})
    keys = WorkKeys(desk.key).attempt(1)
    assert list(desk.store.list(keys.log))
