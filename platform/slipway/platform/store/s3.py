"""A store in an S3 bucket, the vendor's own or a compatible server's.

`put_if_absent` is a write with `If-None-Match: *`. The server says who won; but its answer may be lost, and the client
repeats a request whose answer was lost, which then meets its own first write. So whatever leaves a doubt (412, 409,
5xx, a time-out, a dropped connection) is settled by reading back: what is there is the answer, and if nothing is there
the write is asked for again.

The store's clock is the server's: `age` compares two headers of one answer, both in whole seconds.

What the bucket should have: a lifecycle rule that aborts incomplete multipart uploads after some days (7 is usual).
Unfinished uploads are what makes resuming possible, and nothing here aborts one, for it may belong to somebody who is
still at work. The server must honour conditional writes: `probe` finds out.

Limits: `put` and `put_if_absent` send one request, at most 5 GiB. Versions of an object are told apart by ETag.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.platform.store import content, s3_errors
from slipway.platform.store.download import PIECE, fetch
from slipway.platform.store.errors import StoreError, StoreUnfit
from slipway.platform.store.keys import broken_rule, check_key, check_prefix
from slipway.platform.store.pausing import Pause, pause
from slipway.platform.store.s3_bucket import Bucket, Replaced
from slipway.platform.store.s3_upload import PART_SIZE, Upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, kw_only=True)
class Transfers:
    """How large objects travel: the bytes of a part when sent, of a piece when fetched, and how many at once."""

    part_size: int = PART_SIZE
    piece: int = PIECE
    parallel: int = 4


_USUAL = Transfers()


class S3Store:
    """Objects in one bucket, below a prefix."""

    def __init__(
        self,
        client: "S3Client",
        bucket: str,
        prefix: str = "",
        *,
        attempts: int = 5,
        transfers: Transfers = _USUAL,
        pause: Pause = pause,
    ) -> None:
        self._bucket = Bucket(client, bucket, prefix, attempts=attempts, pause=pause)
        self._attempts = attempts
        self._transfers = transfers
        self._pause = pause

    @property
    def url(self) -> str:
        return self._bucket.place.url

    def get(self, key: str) -> bytes:
        check_key(key)
        data = self._bucket.read(key)
        content.check_incoming(key, data, self.url)
        return data

    def open_range(self, key: str, start: int, length: int) -> bytes:
        check_key(key)
        content.check_range(key, start, length)
        if length == 0:
            self._bucket.head(key)
            return b""
        return self._bucket.read_range(key, start, length)

    def size(self, key: str) -> int:
        check_key(key)
        return self._bucket.head(key)["ContentLength"]

    def age(self, key: str) -> timedelta:
        check_key(key)
        head = self._bucket.head(key)
        date = head["ResponseMetadata"]["HTTPHeaders"].get("date")
        if date is None:
            raise StoreUnfit(
                f"The server of {self.url} does not say what time it is: its answer has no Date header.",
                mend="Ages are measured by the server's clock: let the server, or the proxy before it, send Date.",
            )
        return max(timedelta(), parsedate_to_datetime(date) - head["LastModified"])

    def put(self, key: str, data: bytes) -> None:
        check_key(key)
        content.check_outgoing(key, data)
        self._bucket.write(key, data)

    def put_if_absent(self, key: str, data: bytes) -> bytes:
        check_key(key)
        content.check_outgoing(key, data)
        for attempt in itertools.count(1):
            doubt = self._bucket.write_if_absent(key, data)
            if doubt is None:
                return data
            held = self._bucket.read_if_there(key)
            if held is not None:
                content.check_incoming(key, held, self.url)
                return held
            if attempt >= self._attempts:
                raise s3_errors.explain(doubt, self._bucket.place, key) from doubt
            self._pause(attempt)
        raise AssertionError("unreachable")

    def put_file(self, key: str, path: Path) -> None:
        check_key(key)
        small = content.small_file(path, self._transfers.part_size)
        if small is not None:
            self.put(key, small)
            return
        for attempt in range(1, self._attempts + 1):
            if attempt > 1:
                self._pause(attempt - 1)
            if self._send_parts(key, path):
                return
        raise StoreError(
            f"Sending {path} as `{key}` to {self.url} was disturbed {self._attempts} times.",
            mend="Find who writes the same key with other content, or aborts unfinished uploads; then try again.",
        )

    def _send_parts(self, key: str, path: Path) -> bool:
        transfers = self._transfers
        with Upload(self._bucket, key, path, part_size=transfers.part_size, parallel=transfers.parallel) as upload:
            return upload.send()

    def get_file(self, key: str, path: Path) -> None:
        check_key(key)
        for attempt in itertools.count(1):
            try:
                fetch(
                    _Version(self._bucket, key),
                    path,
                    check=lambda fetched: content.check_incoming_file(key, fetched, self.url),
                    parallel=self._transfers.parallel,
                    piece=self._transfers.piece,
                )
            except Replaced:
                if attempt >= self._attempts:
                    raise
            else:
                return
            self._pause(attempt)

    def list(self, prefix: str = "") -> Iterator[str]:
        check_prefix(prefix)
        return (key for key in self._bucket.keys(prefix) if broken_rule(key) is None)

    def delete(self, key: str) -> None:
        check_key(key)
        self._bucket.delete(key)


class _Version:
    """The object as it is now, for `fetch`."""

    def __init__(self, bucket: Bucket, key: str) -> None:
        head = bucket.head(key)
        self.size = head["ContentLength"]
        self.version = head["ETag"]
        self._bucket, self._key = bucket, key

    def read(self, start: int, length: int) -> bytes:
        return self._bucket.read_version(self._key, self.version, start, length)
