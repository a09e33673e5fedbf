"""From the settings to a store."""

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.platform.errors import WrongUse
from slipway.platform.masking import masked
from slipway.platform.store.contract import Store
from slipway.platform.store.directory import DirectoryStore
from slipway.platform.store.errors import SETTING, BucketMissing
from slipway.platform.store.keys import broken_rule

if TYPE_CHECKING:
    from slipway.platform.settings import schema

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def open_store(store: "schema.Store", s3: "schema.S3") -> Store:
    """The store that the settings name. Nothing is made and nobody is asked until it is used."""
    if store.url.startswith("s3://"):
        return _open_s3(store, s3)
    if not store.url or _SCHEME.match(store.url):
        raise WrongUse(
            f"`{store.url}` is not the address of a store.",
            mend=f"Set {SETTING} to a directory, such as `.slipway/store`, or to `s3://bucket/prefix`.",
        )
    return DirectoryStore(Path(store.url).expanduser(), attempts=store.attempts)


def check_place(store: Store) -> None:
    """Refuse a directory that neither is there nor can be made, which reads like a store with nothing in it."""
    root = Path(store.url)
    if not isinstance(store, DirectoryStore) or root.is_dir():
        return
    above = next(one for one in root.absolute().parents if one.exists())
    try:
        if not root.exists():
            with tempfile.TemporaryFile(dir=above):
                return
        reason = "it is no directory"
    except OSError as error:
        reason = f"{above} cannot be written to: {error.strerror}"
    raise BucketMissing(f"There is no store at {root}, and none can be made ({reason}).", mend=f"Correct {SETTING}.")


def _open_s3(store: "schema.Store", s3: "schema.S3") -> Store:
    bucket, prefix = split_address(store.url)
    # boto3 takes a quarter of a second to import, which commands that need no bucket should not wait for
    from slipway.platform.store.s3 import S3Store
    from slipway.platform.store.s3_client import connect

    client = connect(s3, attempts=store.attempts, timeout_seconds=store.timeout_seconds)
    return S3Store(client, bucket, prefix, attempts=store.attempts)


def split_address(url: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://bucket/prefix`; the prefix may be missing."""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    prefix = prefix.removesuffix("/")
    rule = broken_rule(prefix) if prefix else None
    if not _BUCKET.fullmatch(bucket):
        rule = f"`{bucket}` is not the name of a bucket"
        if "@" in bucket:
            rule = "credentials do not stand in it, they are settings of their own (`slipway config show s3`)"
    if rule is not None:
        raise WrongUse(f"`{masked(url)}` is not the address of a store: {rule}.", mend=f"Correct {SETTING}.")
    return bucket, prefix
