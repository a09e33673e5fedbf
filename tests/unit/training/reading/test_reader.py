"""The reader: resumable byte for byte, the same on any number of processes, bounded, and gone when it ends."""

import gc
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from slipway.platform.data.snapshot import Snapshot
from slipway.platform.errors import WrongUse
from slipway.training.reading.augment import Simple
from slipway.training.reading.errors import UnreadableImage
from slipway.training.reading.identities import IdentityBatches
from slipway.training.reading.philox import Integers
from slipway.training.reading.pixels import Pixels
from slipway.training.reading.plans import Plan, Sequential, Share, Shuffled
from slipway.training.reading.reader import Batch, Reader
from slipway.training.reading.source import Decoded, whole_images

COUNT = 40
CHANGES = Simple(seed=3, window=(24, 28), flip=0.5, brightness=0.2)
IDENTITIES = IdentityBatches(np.arange(COUNT) // 5, np.arange(COUNT) % 3, p=4, k=2, seed=1)
PLANS: list[Plan] = [Shuffled(COUNT, 8, seed=1), Sequential(COUNT, 12), IDENTITIES]
BY_PLAN = pytest.mark.parametrize("plan", PLANS, ids=["shuffled", "sequential", "identities"])


class Watched:
    """A source of one pixel for each row that counts reads, and may fail at a row."""

    count = COUNT
    size = (1, 1)
    grain = 1

    def __init__(self, bad: int | None = None) -> None:
        self.bad = bad
        self.reads = 0
        self._lock = threading.Lock()

    def read(self, rows: Integers, out: Pixels) -> None:
        with self._lock:
            self.reads += len(rows)
        if self.bad in rows:
            raise UnreadableImage(f"row {self.bad}")
        out[...] = rows[:, None, None, None]


def same(one: Batch, other: Batch) -> bool:
    """Whether two batches are equal to the byte."""
    return one.step == other.step and one.rows.equal(other.rows) and one.images.equal(other.images)


@BY_PLAN
def test_a_run_resumed_at_any_step_gets_the_batches_of_the_uninterrupted_one(decoded: Decoded, plan: Plan) -> None:
    last = 12
    whole = list(Reader(decoded, plan, augmentation=CHANGES, threads=2).iter_from(0, last))
    assert [batch.step for batch in whole] == list(range(last))
    for step in range(last):
        resumed = Reader(decoded, plan, augmentation=CHANGES, threads=1, prefetch=1).iter_from(step, last)
        assert all(same(*pair) for pair in zip(resumed, whole[step:], strict=True))


@BY_PLAN
@pytest.mark.parametrize("world", [2, 4])
def test_processes_together_read_the_batches_that_one_alone_reads(decoded: Decoded, plan: Plan, world: int) -> None:
    alone = Reader(decoded, plan, augmentation=CHANGES, threads=2).iter_from(0, 6)
    shares = [
        Reader(decoded, plan, share=Share(rank, world), augmentation=CHANGES, threads=1).iter_from(0, 6)
        for rank in range(world)
    ]
    for whole, *parts in zip(alone, *shares, strict=True):
        assert whole.rows.equal(torch.cat([part.rows for part in parts]))
        assert whole.images.equal(torch.cat([part.images for part in parts]))


def test_a_batch_is_uint8_in_channels_last_memory_with_the_pixels_of_its_rows(decoded: Decoded) -> None:
    batch = next(Reader(decoded, Shuffled(COUNT, 8, seed=0), threads=1).iter_from(0))
    assert (batch.images.dtype, batch.images.shape) == (torch.uint8, (8, 3, 32, 32))
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert batch.rows.dtype == torch.int64
    out = np.empty((8, 32, 32, 3), np.uint8)
    decoded.read(batch.rows.numpy(), out)
    assert (batch.images.permute(0, 2, 3, 1).numpy() == out).all()


def test_iterating_over_a_reader_is_its_first_epoch() -> None:
    batches = list(Reader(Watched(), Sequential(COUNT, 16), threads=1))
    assert torch.cat([batch.rows for batch in batches]).tolist() == list(range(COUNT))
    assert [len(batch.rows) for batch in batches] == [16, 16, 8]


def test_a_process_for_which_the_last_batch_has_nothing_gets_an_empty_one() -> None:
    shares = [Reader(Watched(), Sequential(COUNT, 39), share=Share(rank, 3), threads=1) for rank in range(3)]
    lasts = [list(share)[-1] for share in shares]
    assert sorted(len(last.rows) for last in lasts) == [0, 0, 1]
    assert all(last.images.shape == (len(last.rows), 3, 1, 1) for last in lasts)


@pytest.mark.parametrize("prefetch", [1, 3])
def test_no_more_than_prefetch_batches_are_read_ahead(prefetch: int) -> None:
    source = Watched()
    with Reader(source, Shuffled(COUNT, 4, seed=0), threads=2, prefetch=prefetch) as reader:
        for number, _ in enumerate(reader.iter_from(0, 30), start=1):
            assert 4 * number <= source.reads <= 4 * (number - 1 + prefetch)


def test_memory_of_dropped_batches_is_used_again_and_that_of_kept_ones_never() -> None:
    reader = Reader(Watched(), Shuffled(COUNT, 4, seed=0), threads=1, prefetch=2)
    for batch in reader.iter_from(0, 50):
        assert (batch.images[:, 0, 0, 0] == batch.rows).all()
    del batch
    assert reader._buffers.taken <= 4
    kept = [batch.images[1:, :1].numpy() for batch in reader.iter_from(0, 50)]
    rows = [batch.rows for batch in reader.iter_from(0, 50)]
    assert all((images.ravel() == one.numpy()[1:]).all() for images, one in zip(kept, rows, strict=True))


def consume_all(batches: Iterator[Batch]) -> None:
    for _ in batches:
        pass


def fail_at_the_second(batches: Iterator[Batch]) -> None:
    next(batches)
    next(batches)
    raise KeyError("the consumer's")


def leave_in_the_middle(batches: Iterator[Batch]) -> None:
    next(batches)


@pytest.mark.parametrize("consumer", [consume_all, fail_at_the_second, leave_in_the_middle])
def test_no_thread_stays_however_the_consumer_ends(
    consumer: Callable[[Iterator[Batch]], None], reading_threads: Callable[[], list[str]]
) -> None:
    caught = None
    with Reader(Watched(), Shuffled(COUNT, 4, seed=0), threads=2) as reader:
        batches = reader.iter_from(0, 20)
        try:
            consumer(batches)
        except KeyError as error:
            caught = error
    assert (caught is not None) == (consumer is fail_at_the_second)
    assert reading_threads() == []


def test_no_thread_stays_after_a_loop_that_fails_even_without_closing_the_reader(
    reading_threads: Callable[[], list[str]],
) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the loop is what fails
        for batch in Reader(Watched(), Shuffled(COUNT, 4, seed=0), threads=2).iter_from(0):
            assert reading_threads()
            _ = batch.step / 0
    gc.collect()
    assert reading_threads() == []


def test_an_error_in_the_source_reaches_the_consumer_at_its_batch_and_ends_all_threads(
    reading_threads: Callable[[], list[str]],
) -> None:
    seen = []
    with pytest.raises(UnreadableImage, match="row 9"):  # noqa: PT012 - the loop is what fails
        for batch in Reader(Watched(bad=9), Sequential(COUNT, 4), threads=2):
            seen.append(batch.step)  # noqa: PERF401 - what came before the error counts
    assert seen == [0, 1]
    assert reading_threads() == []


def test_two_iterations_of_one_reader_do_not_disturb_each_other(decoded: Decoded) -> None:
    reader = Reader(decoded, Shuffled(COUNT, 8, seed=0), threads=2)
    for one, other in zip(reader.iter_from(0, 5), reader.iter_from(0, 5), strict=True):
        assert same(one, other)


def test_a_plan_for_other_rows_and_useless_numbers_are_refused(snapshot: Snapshot) -> None:
    source = Decoded(snapshot, whole_images(snapshot, np.arange(7)), (8, 8))
    with pytest.raises(WrongUse, match="orders 8 rows, the source has 7"):
        Reader(source, Shuffled(8, 2, seed=0))
    with pytest.raises(WrongUse, match="at least one thread and one batch ahead"):
        Reader(source, Shuffled(7, 2, seed=0), prefetch=0)
    with pytest.raises(WrongUse, match="cannot be shared by 3"):
        Reader(source, Shuffled(7, 2, seed=0), share=Share(0, 3))
