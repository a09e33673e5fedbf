"""Making things ahead of their use, in a thread."""

import queue
import threading
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

THREAD_NAME: Final = "slipway-feeding"
PATIENCE: Final = 0.1
"""Seconds after which a maker looks whether anybody still wants something."""
T = TypeVar("T")


def ahead(items: Generator[T, None, None], depth: int) -> Generator[T, None, None]:
    """The same items, up to `depth` of them made before they are asked for.

    What goes wrong while an item is made is raised where it is asked for. When iteration ends, by itself or by whoever
    iterates, the thread is gone and `items` is closed.
    """
    maker = _Maker(items, depth)
    maker.start()
    try:
        while (made := maker.made.get()) is not None:
            if made.error is not None:
                raise made.error
            yield made.item[0]
    finally:
        maker.unwanted.set()
        maker.join()


@dataclass(frozen=True)
class _Made(Generic[T]):
    """An item, or what came instead."""

    item: tuple[T, ...] = ()
    error: BaseException | None = None


class _Maker(threading.Thread, Generic[T]):
    def __init__(self, items: Generator[T, None, None], depth: int) -> None:
        super().__init__(name=THREAD_NAME, daemon=True)
        self._items = items
        self.made: queue.Queue[_Made[T] | None] = queue.Queue(depth)
        self.unwanted = threading.Event()

    def run(self) -> None:
        try:
            for item in self._items:
                if not self._put(_Made((item,))):
                    break
            else:
                self._put(None)
        except BaseException as error:  # noqa: BLE001 - raised where the item is asked for
            self._put(_Made(error=error))
        finally:
            self._items.close()

    def _put(self, made: _Made[T] | None) -> bool:
        while not self.unwanted.is_set():
            try:
                self.made.put(made, timeout=PATIENCE)
            except queue.Full:
                continue
            return True
        return False
