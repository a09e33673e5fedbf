"""What the S3 client's errors mean, told to a person.

One pure function over the error and the place. It knows the codes of the vendor's own service and those of the usual
compatible servers; an unknown code is named together with the operation, so that it can be looked up.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from slipway.platform.errors import SlipwayError
from slipway.platform.store.errors import (
    SETTING,
    BucketMissing,
    ObjectMissing,
    StoreDenied,
    StoreError,
    StoreFull,
    StoreUnfit,
    StoreUnreachable,
)

_READS = frozenset({"GetObject", "HeadObject"})
_FULL = frozenset({"QuotaExceeded", "InsufficientCapacity", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"})
_ELSEWHERE = frozenset(
    {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"}
)
_CLOCK = frozenset({"RequestTimeTooSkewed", "RequestExpired"})
_CREDENTIALS = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired"}
)
_NO_S3 = frozenset({"302", "303", "307", "308", "404", "405"})
_UNSUPPORTED = frozenset({"NotImplemented", "501"})
_NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.ProfileNotFound,
    boto.NoAuthTokenError,
    boto.TokenRetrievalError,
    boto.SSOError,
    boto.LoginError,
)
BROKEN_BODY = (boto.IncompleteReadError, boto.ResponseStreamingError, boto.ReadTimeoutError)
"""What reading an answer's body raises when the connection breaks off; the client does not repeat these."""
_TRANSPORT = (boto.ConnectionError, boto.HTTPClientError, boto.IncompleteReadError)
_TROUBLED_SERVER = frozenset({500, 502, 503, 504})
_DENIED_STATUS = frozenset({401, 403})
_INSUFFICIENT_STORAGE = 507
_LOST_RACE = frozenset({409, 412})

_CREDENTIAL_SETTINGS = "`SLIPWAY_S3__ACCESS_KEY_ID` and `SLIPWAY_S3__SECRET_ACCESS_KEY`"
_PERMISSIONS = (
    "s3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject, s3:ListBucketMultipartUploads and "
    "s3:ListMultipartUploadParts"
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """What messages say about where and how hard it was tried."""

    url: str
    bucket: str
    endpoint: str
    attempts: int


def code_of(error: Exception) -> str:
    """The server's code, `NoSuchKey`; empty if the server did not answer."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def status_of(error: Exception) -> int:
    """The HTTP status; 0 if the server did not answer."""
    if not isinstance(error, ClientError):
        return 0
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_missing_object(error: Exception) -> bool:
    """Whether there is no such object. A HEAD request is told the same of a missing bucket."""
    if not isinstance(error, ClientError):
        return False
    return code_of(error) == "NoSuchKey" or (code_of(error) == "404" and error.operation_name in _READS)


def leaves_doubt(error: Exception) -> bool:
    """Whether a conditional write may have been done, by us or by another, so that one must look."""
    return status_of(error) in _LOST_RACE | _TROUBLED_SERVER or isinstance(error, _TRANSPORT)


@contextmanager
def explained(place: Place, key: str) -> Iterator[None]:
    """Turn the client's errors inside into the store's."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise explain(error, place, key) from error


def explain(error: ClientError | BotoCoreError, place: Place, key: str) -> SlipwayError:
    """What a client error means for `key` in the store at `place`."""
    if isinstance(error, ClientError):
        return _explain_answer(error, place, key)
    if isinstance(error, _NO_CREDENTIALS):
        return StoreDenied(
            f"There are no usable credentials for the store {place.url} ({type(error).__name__}).",
            mend=f"Set {_CREDENTIAL_SETTINGS}, or log in so that the vendor's own chain finds credentials.",
        )
    if isinstance(error, _TRANSPORT):
        return StoreUnreachable(
            f"The store {place.url} did not answer at {place.endpoint} for `{key}` "
            f"in {place.attempts} attempts ({type(error).__name__}).",
            mend=f"Check the network and `SLIPWAY_S3__ENDPOINT`, and that {SETTING} names the right store. "
            "Asking again is safe.",
        )
    return StoreError(
        f"The store {place.url} failed on `{key}` ({error}).", mend=f"Check the S3 settings and {SETTING}."
    )


def _explain_answer(error: ClientError, place: Place, key: str) -> SlipwayError:
    code, status = code_of(error), status_of(error)
    answer = f"({code or status} to {error.operation_name})"
    if is_missing_object(error):
        return ObjectMissing.named(key, place.url)
    if code in _FULL or status == _INSUFFICIENT_STORAGE:
        return StoreFull(
            f"There is no room for `{key}` in the store {place.url} {answer}.",
            mend=f"Free space or raise the quota of bucket {place.bucket}, or name another store with {SETTING}.",
        )
    if code in _CLOCK | _CREDENTIALS or status in _DENIED_STATUS:
        return _denied(code, answer, place, key)
    if status in _TROUBLED_SERVER or code in {"SlowDown", "RequestTimeout"}:
        return StoreUnreachable(
            f"The server of the store {place.url} failed on `{key}` in {place.attempts} attempts {answer}.",
            mend=f"Look at the server at {place.endpoint} and try again; asking again is safe.",
        )
    said = error.response.get("Error", {}).get("Message", "")
    return _wrong_place(code, answer, place) or StoreError(
        f"The store {place.url} refused `{key}` {answer}: {said}", mend=f"Check the S3 settings and {SETTING}."
    )


def _wrong_place(code: str, answer: str, place: Place) -> StoreError | None:
    if code == "NoSuchBucket":
        return bucket_missing(place)
    if code in _ELSEWHERE:
        return StoreError(
            f"Bucket {place.bucket} is not in this region {answer}.", mend="Set `SLIPWAY_S3__REGION` to the bucket's."
        )
    if code in _UNSUPPORTED:
        return StoreUnfit(
            f"The server at {place.endpoint} does not know an operation that the store needs {answer}.",
            mend="Upgrade it to a version with conditional writes (`If-None-Match: *`), or use another server.",
        )
    if code in _NO_S3:
        return not_s3(place, answer)
    return None


def not_s3(place: Place, how: str) -> StoreUnfit:
    """Something answers at the endpoint, but not as S3 does."""
    return StoreUnfit(
        f"What answers at {place.endpoint} for the store {place.url} is no S3 server {how}.",
        mend="Set `SLIPWAY_S3__ENDPOINT` to the server's API address, not that of its console or of another service.",
    )


def bucket_missing(place: Place) -> BucketMissing:
    """There is no such bucket."""
    return BucketMissing(
        f"There is no bucket {place.bucket} at {place.endpoint}, which the store {place.url} is in.",
        mend=f"Create the bucket, or correct {SETTING}.",
    )


def _denied(code: str, answer: str, place: Place, key: str) -> StoreDenied:
    if code in _CLOCK:
        return StoreDenied(
            f"The store {place.url} refuses requests of this machine because its clock is off {answer}.",
            mend="Set this machine's clock (`timedatectl set-ntp true`), then try again.",
        )
    if code in _CREDENTIALS:
        return StoreDenied(
            f"The store {place.url} does not accept these credentials {answer}.",
            mend=f"Set {_CREDENTIAL_SETTINGS} anew, or renew the login that the vendor's own chain uses.",
        )
    return StoreDenied(
        f"The store {place.url} denies access to `{key}` {answer}.",
        mend=f"Give these credentials {_PERMISSIONS} on bucket {place.bucket}. Without s3:ListBucket "
        "an object that is merely missing is denied too.",
    )
