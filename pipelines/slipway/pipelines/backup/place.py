"""A place for backups: a directory or a bucket, in which content lies once under its sha256.

    content/sha256-<hex>               whatever was copied
    backups/<time>/sha256-<hex>.json   one backup; written last, so one that is there is whole

The store holds both kinds of names to their content. What is there already is not sent again, also when a backup was
killed before it had a record.
"""

import hashlib
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.pipelines.backup.records import Backup, Piece
from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.runs.errors import RecordDamaged
from slipway.platform.store import ObjectMissing, Store, StoreError, blob_key, open_store
from slipway.platform.store.keys import digest_named_by

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

CONTENT: Final = "content"
BACKUPS: Final = "backups"
IN_MEMORY: Final = 8 * 1024 * 1024
"""Larger content travels through a file."""


class BackupDamaged(SlipwayError):
    """A backup is not what it says; nothing was put back."""


@contextmanager
def _asked() -> Iterator[None]:
    """A place that cannot be reached was named by hand, and not by the store's setting."""
    try:
        yield
    except StoreError as error:
        raise type(error)(
            str(error), mend="Look at the address of the place for backups, and who may use it."
        ) from error


class Place:
    """Backups, and their content."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.sent, self.sent_bytes = 0, 0
        self._lock = threading.Lock()

    @classmethod
    def named(cls, text: str, loaded: "Loaded") -> "Place":
        """The place that somebody names: a directory, or `s3://bucket/prefix` as the settings reach buckets."""
        url = text if "://" in text else str(Path(text).expanduser().absolute())
        return cls(open_store(loaded.settings.store.model_copy(update={"url": url}), loaded.settings.s3))

    def check(self) -> None:
        """Refuse a place in which anything else lies."""
        if "://" not in self.store.url and Path(self.store.url).is_file():
            raise WrongUse(f"{self.store.url} is a file.", mend="Name a directory, or `s3://bucket/prefix`.")
        with _asked():
            for key in itertools.islice(self.store.list(), 1):
                if not key.startswith((f"{BACKUPS}/", f"{CONTENT}/")):
                    raise WrongUse(
                        f"{self.store.url} holds something else, such as `{key}`.",
                        mend="Name a place of its own for backups: an empty or new directory, or another prefix.",
                    )

    def make(self) -> None:
        """See that the directory is there, for this account alone: what devices told has pictures in it."""
        if "://" in self.store.url:
            return
        try:
            Path(self.store.url).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise WrongUse(f"{self.store.url} cannot be made: {error.strerror}.", mend="Name another place.") from None

    @cached_property
    def there(self) -> set[str]:
        """The sha256 of all content that is here."""
        return {digest for key in self.store.list(f"{CONTENT}/") if (digest := digest_named_by(key))}

    def keep(self, data: bytes) -> Piece:
        """See that this content is here."""
        piece = Piece(sha256=hashlib.sha256(data).hexdigest(), size=len(data))
        if piece.sha256 not in self.there:
            self.store.put(blob_key(CONTENT, piece.sha256), data)
            self._note(piece)
        return piece

    def keep_file(self, path: Path) -> Piece:
        """The same of a file."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        piece = Piece(sha256=digest, size=path.stat().st_size)
        if piece.sha256 not in self.there:
            self.store.put_file(blob_key(CONTENT, digest), path)
            self._note(piece)
        return piece

    def _note(self, piece: Piece) -> None:
        with self._lock:
            if piece.sha256 not in self.there:  # another thread may have brought the same
                self.there.add(piece.sha256)
                self.sent, self.sent_bytes = self.sent + 1, self.sent_bytes + piece.size

    def get(self, piece: Piece) -> bytes:
        """Content, as its name says."""
        return self.store.get(blob_key(CONTENT, piece.sha256))

    def get_file(self, piece: Piece, path: Path) -> None:
        """The same, into a file."""
        self.store.get_file(blob_key(CONTENT, piece.sha256), path)

    def trouble(self, digest: str, size: int) -> str:
        """What is wrong with some content; nothing where it is what it should be."""
        key, found, seen = blob_key(CONTENT, digest), hashlib.sha256(), 0
        try:
            while data := self.store.open_range(key, seen, IN_MEMORY):
                found.update(data)
                seen += len(data)
        except ObjectMissing:
            return f"{key} is missing"
        except StoreError as error:
            return f"{key} cannot be read: {error}"
        if seen != size:
            return f"{key} has {seen} bytes, expected {size}"
        return "" if found.hexdigest() == digest else f"{key} is not what its name says"

    def finish(self, backup: Backup) -> str:
        """Write the record, which makes it a backup; its name."""
        data = backup.to_bytes()
        name = f"{backup.begun:%Y%m%dT%H%M%SZ}"
        self.store.put(blob_key(f"{BACKUPS}/{name}", hashlib.sha256(data).hexdigest(), ".json"), data)
        return name

    def names(self) -> Iterator[tuple[str, str]]:
        """Name and key of each backup, the oldest first."""
        for key in self.store.list(f"{BACKUPS}/"):
            yield key.split("/")[1], key

    def load(self, name: str | None = None) -> tuple[str, Backup]:
        """The backup of that name, or the newest."""
        with _asked():
            there = list(self.names())
        found = [one for one in there if name in {None, one[0]}]
        if not found:
            known = [one for one, _ in there]
            what = f"no backup `{name}`" if name and known else "no backup"
            mend = f"There are: {', '.join(known)}." if known else "`slipway backup DEST` makes one."
            raise WrongUse(f"{self.store.url} holds {what}.", mend=mend)
        called, key = found[-1]
        try:
            return called, Backup.read(self.store.get(key), key)
        except (StoreError, RecordDamaged) as error:
            raise BackupDamaged(
                f"The backup {called} in {self.store.url} cannot be read: {str(error).splitlines()[0]}",
                mend="Take an older one: `--at NAME`; `slipway backup DEST --list` names them.",
            ) from None
