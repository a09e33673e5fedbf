"""Sending a large file as a multipart upload, and going on with one that was cut off.

A process that finds an unfinished upload of its key, all of whose parts are its own file's, goes on with it; nothing
tells apart whose it was, and nothing has to. Finishing names the ETag of every part: if somebody else's part has come
in between, the server refuses, and the object is never a mixture. An upload of which no part is known again is left
alone. Nothing is ever aborted here.

Order: see that the content is what the key says; find or begin an upload; send what is missing; see that the file has
not changed since; finish. The object changes in the last step only.
"""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

from slipway.platform.store import s3_errors
from slipway.platform.store.content import check_outgoing_file
from slipway.platform.store.s3_bucket import Bucket, content_md5
from slipway.platform.store.s3_errors import explained
from slipway.platform.store.s3_parts import PartFile, StoredPart, missing

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART_SIZE = 16 * 1024 * 1024
_DISTURBED = frozenset({"NoSuchUpload", "InvalidPart", "InvalidPartOrder"})
_DENIED = 403

logger = logging.getLogger(__name__)


class Upload:
    """One attempt to make an object of a file, with at most `parallel` parts in memory."""

    def __init__(self, bucket: Bucket, key: str, path: Path, *, part_size: int, parallel: int) -> None:
        self._bucket = bucket
        self._client = bucket.client
        self._key = key
        self._full_key = bucket.full(key)
        self._file = PartFile(path, part_size)
        self._parallel = parallel

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def send(self) -> bool:
        """Make the object. False: another's doing came in between, and it is worth trying again."""
        check_outgoing_file(self._key, self._file.sha256, self._file.path)
        with explained(self._bucket.place, self._key):
            try:
                upload_id, etags = self._unfinished() or (self._begin(), {})
                etags |= self._send_parts(upload_id, missing(self._file.cut, etags))
                self._file.check_unchanged()
                self._finish(upload_id, etags)
            except (ClientError, BotoCoreError) as error:
                disturbed = s3_errors.code_of(error) in _DISTURBED
                if not disturbed and not s3_errors.leaves_doubt(error):
                    raise
                if self._is_made():
                    return True
                if disturbed:
                    return False
                raise
        return True

    def _unfinished(self) -> tuple[str, dict[int, str]] | None:
        """The upload that has most of this file's parts and no other ones."""
        best: tuple[str, dict[int, str]] | None = None
        for upload_id in self._upload_ids():
            parts = self._stored_parts(upload_id)
            if len(parts) > (len(best[1]) if best else 0) and all(map(self._file.has, parts)):
                best = upload_id, {part.number: part.etag for part in parts}
        if best:
            logger.info("going on with an upload of %s that has %d parts", self._full_key, len(best[1]))
        return best

    def _upload_ids(self) -> list[str]:
        pages = self._client.get_paginator("list_multipart_uploads")
        try:
            return [
                upload["UploadId"]
                for page in pages.paginate(Bucket=self._bucket.name, Prefix=self._full_key)
                for upload in page.get("Uploads", [])
                if upload["Key"] == self._full_key
            ]
        except ClientError as error:
            if s3_errors.status_of(error) != _DENIED:
                raise
            logger.warning("unfinished uploads cannot be listed (s3:ListBucketMultipartUploads): starting anew")
            return []

    def _stored_parts(self, upload_id: str) -> list[StoredPart]:
        try:
            return list(self._listed_parts(upload_id))
        except ClientError as error:
            if s3_errors.code_of(error) == "NoSuchUpload":  # finished or aborted by its owner just now
                return []
            raise

    def _listed_parts(self, upload_id: str) -> Iterator[StoredPart]:
        pages = self._client.get_paginator("list_parts")
        for page in pages.paginate(Bucket=self._bucket.name, Key=self._full_key, UploadId=upload_id):
            for part in page.get("Parts", []):
                yield StoredPart(number=part["PartNumber"], size=part["Size"], etag=part["ETag"])

    def _begin(self) -> str:
        return self._client.create_multipart_upload(Bucket=self._bucket.name, Key=self._full_key)["UploadId"]

    def _send_parts(self, upload_id: str, numbers: list[int]) -> dict[int, str]:
        def send(number: int) -> str:
            data = self._file.read(number)
            return self._client.upload_part(
                Bucket=self._bucket.name,
                Key=self._full_key,
                UploadId=upload_id,
                PartNumber=number,
                Body=data,
                ContentMD5=content_md5(data),
            )["ETag"]

        with ThreadPoolExecutor(self._parallel, thread_name_prefix="slipway-send") as pool:
            return dict(zip(numbers, pool.map(send, numbers), strict=True))

    def _finish(self, upload_id: str, etags: dict[int, str]) -> None:
        parts: list[CompletedPartTypeDef] = [{"PartNumber": number, "ETag": etags[number]} for number in sorted(etags)]
        self._client.complete_multipart_upload(
            Bucket=self._bucket.name, Key=self._full_key, UploadId=upload_id, MultipartUpload={"Parts": parts}
        )

    def _is_made(self) -> bool:
        """Whether the object is this file's, be it by a finish whose answer was lost or by another with the same."""
        try:
            head = self._client.head_object(Bucket=self._bucket.name, Key=self._full_key)
        except ClientError as error:
            if s3_errors.is_missing_object(error):
                return False
            raise
        return head["ContentLength"] == self._file.cut.size and head["ETag"].strip('"') == self._file.etag()
