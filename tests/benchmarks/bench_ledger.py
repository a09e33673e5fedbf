"""What a decision costs: an append to a short and to a long ledger, against binding one record.

An append binds two records, replaces one, signs and verifies, so it takes a few times as long as `put_if_absent` alone;
what counts is that it takes no longer at 10,000 entries than at 10. Reading is measured twice: everything from the
store, and again with this machine's cache. Everything lies on the disk that holds the project's local state.
"""

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from decided import comment, known, lay
from harness import Pair
from slipway.platform.identity import People, PersonSigner
from slipway.platform.ledger.ledger import Ledger
from slipway.platform.settings import schema
from slipway.platform.store import Store, open_store

ROOT = Path(__file__).resolve().parents[2]
SHORT = 10
LONG = 10_000
APPENDS = 20
RECORD = b"r" * 1024


@contextmanager
def pairs() -> Iterator[list[Pair]]:
    """Appends at both lengths, and readings of the long one."""
    state = ROOT / ".slipway" / "bench"
    state.mkdir(parents=True, exist_ok=True)
    ada = known("ada")
    with tempfile.TemporaryDirectory(dir=state) as scratch:
        folder = Path(scratch)
        short, long = (laid(folder / str(length), ada, length) for length in (SHORT, LONG))
        names = itertools.count()
        write_short, write_long = (appending(store, ada, names) for store in (short, long))
        yield [
            Pair(
                name=f"ledger: append at {LONG:,} entries, against at {SHORT}",
                ours=write_long,
                reference=write_short,
                unit="ms",
                goal=1.25,
                times=APPENDS,
            ),
            *(
                Pair(
                    name=f"ledger: append at {length:,} entries, against put_if_absent",
                    ours=write,
                    reference=binding(store, names),
                    unit="ms",
                    goal=5.0,
                    times=APPENDS,
                )
                for length, write, store in ((SHORT, write_short, short), (LONG, write_long, long))
            ),
            reading(long, ada, folder / "cache"),
        ]


def laid(root: Path, signer: PersonSigner, length: int) -> Store:
    """A store with a ledger of that length."""
    lay(root, signer, length)
    return open_store(schema.Store(url=str(root)), schema.S3())


def appending(store: Store, signer: PersonSigner, names: Iterator[int]) -> Callable[[], None]:
    """Some decisions, one after the other."""
    ledger = Ledger(store, People((signer.person,)))

    def sample() -> None:
        for _ in range(APPENDS):
            ledger.append(comment(f"bench {next(names)}"), signer)

    return sample


def binding(store: Store, names: Iterator[int]) -> Callable[[], None]:
    """As many records bound, and nothing else."""

    def sample() -> None:
        for _ in range(APPENDS):
            store.put_if_absent(f"bound/{next(names)}.json", RECORD)

    return sample


def reading(store: Store, signer: PersonSigner, cache: Path) -> Pair:
    """All entries again, against the first time."""
    people = People((signer.person,))

    def first() -> None:
        shutil.rmtree(cache, ignore_errors=True)
        list(Ledger(store, people, cache).entries())

    return Pair(
        name=f"ledger: read {LONG:,} entries again, against the first time",
        ours=lambda: list(Ledger(store, people, cache).entries()),
        reference=first,
        unit="s",
        goal=0.5,
    )
