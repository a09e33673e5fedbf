"""The requests that a store makes of a bucket, with errors told to a person.

Two things botocore leaves to its callers are done here: an answer whose body breaks off is asked for again, and a HEAD
that finds nothing is followed up, for it cannot say whether the object or the whole bucket is missing.
"""

import base64
import hashlib
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from slipway.platform.store import s3_errors
from slipway.platform.store.errors import ObjectMissing, StoreError
from slipway.platform.store.pausing import Pause
from slipway.platform.store.s3_errors import Place, explained

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef, HeadObjectOutputTypeDef

_RANGE_NOT_SATISFIABLE = 416
_NOT_FOUND = 404
_PRECONDITION_FAILED = 412
_HEAD_FIELDS = frozenset({"ContentLength", "ETag", "LastModified"})


class Replaced(StoreError):
    """The object is no longer the version that was asked for."""


class Bucket:
    """One bucket, below a prefix; keys are the store's."""

    def __init__(self, client: "S3Client", name: str, prefix: str, *, attempts: int, pause: Pause) -> None:
        self.client = client
        self.name = name
        self.attempts = attempts
        self.pause = pause
        url = f"s3://{name}/{prefix}" if prefix else f"s3://{name}"
        self.place = Place(url=url, bucket=name, endpoint=client.meta.endpoint_url, attempts=attempts)
        self._prefix = f"{prefix}/" if prefix else ""

    def full(self, key: str) -> str:
        """The object's key as the server knows it."""
        return f"{self._prefix}{key}"

    def head(self, key: str) -> "HeadObjectOutputTypeDef":
        """Size, ETag, dates."""
        with explained(self.place, key):
            try:
                head = self.client.head_object(Bucket=self.name, Key=self.full(key))
            except ClientError as error:
                if s3_errors.is_missing_object(error):
                    self._check_bucket()
                raise
        if _HEAD_FIELDS - head.keys():
            raise s3_errors.not_s3(self.place, f"(an answer without {', '.join(sorted(_HEAD_FIELDS - head.keys()))})")
        return head

    def _check_bucket(self) -> None:
        try:
            self.client.head_bucket(Bucket=self.name)
        except ClientError as error:
            if s3_errors.status_of(error) == _NOT_FOUND:
                raise s3_errors.bucket_missing(self.place) from error

    def read(self, key: str) -> bytes:
        """The whole object."""
        with explained(self.place, key):
            return self._body(lambda: self.client.get_object(Bucket=self.name, Key=self.full(key)))

    def read_if_there(self, key: str) -> bytes | None:
        """The whole object, or None."""
        try:
            return self.read(key)
        except ObjectMissing:
            return None

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """At most `length` bytes, which is at least 1, from `start`; none past the end."""
        span = _span(start, length)
        with explained(self.place, key):
            try:
                return self._body(
                    lambda: self.client.get_object(Bucket=self.name, Key=self.full(key), Range=span),
                )
            except ClientError as error:
                if s3_errors.status_of(error) == _RANGE_NOT_SATISFIABLE:
                    return b""
                raise

    def read_version(self, key: str, etag: str, start: int, length: int) -> bytes:
        """The same, as long as the object is still the one with this ETag; else `Replaced`."""
        span = _span(start, length)

        def request() -> "GetObjectOutputTypeDef":
            answer = self.client.get_object(Bucket=self.name, Key=self.full(key), Range=span, IfMatch=etag)
            if answer["ETag"] != etag:  # a server that ignores the condition
                raise self._replaced(key)
            return answer

        with explained(self.place, key):
            try:
                return self._body(request)
            except ClientError as error:
                if s3_errors.status_of(error) == _PRECONDITION_FAILED:
                    raise self._replaced(key) from error
                raise

    def _replaced(self, key: str) -> Replaced:
        return Replaced(
            f"`{key}` in {self.place.url} was replaced while it was fetched, again and again.",
            mend="Fetch it when its writers are done.",
        )

    def _body(self, request: "Callable[[], GetObjectOutputTypeDef]") -> bytes:
        for attempt in itertools.count(1):
            answer = request()
            try:
                return answer["Body"].read()
            except s3_errors.BROKEN_BODY:
                if attempt >= self.attempts:
                    raise
            self.pause(attempt)
        raise AssertionError("unreachable")

    def write(self, key: str, data: bytes) -> None:
        """Create or replace the object; doing it twice does no harm, so a lost answer needs no care."""
        with explained(self.place, key):
            self.client.put_object(Bucket=self.name, Key=self.full(key), Body=data, ContentMD5=content_md5(data))

    def write_if_absent(self, key: str, data: bytes) -> ClientError | BotoCoreError | None:
        """Create the object unless there is one. None: it was us. Else why that is in doubt, and one must look."""
        with explained(self.place, key):
            try:
                self.client.put_object(
                    Bucket=self.name, Key=self.full(key), Body=data, ContentMD5=content_md5(data), IfNoneMatch="*"
                )
            except (ClientError, BotoCoreError) as error:
                if s3_errors.leaves_doubt(error):
                    return error
                raise
        return None

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys that begin with `prefix`, in the order of their bytes, page by page."""
        pages = self.client.get_paginator("list_objects_v2")
        with explained(self.place, prefix or "/"):
            for page in pages.paginate(Bucket=self.name, Prefix=self.full(prefix)):
                for entry in page.get("Contents", []):
                    yield entry["Key"].removeprefix(self._prefix)

    def delete(self, key: str) -> None:
        """Remove the object if it is there."""
        with explained(self.place, key):
            self.client.delete_object(Bucket=self.name, Key=self.full(key))


def content_md5(data: bytes) -> str:
    """The header by which the server notices that a body was damaged on its way."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _span(start: int, length: int) -> str:
    return f"bytes={start}-{start + length - 1}"
