"""The store: records and artefacts by key, in a directory or an S3 bucket.

`contract.Store` says what every store does, `keys` what a key is, `errors` what can go wrong. Importing this package
loads no S3 client; `open_store` does when the settings name a bucket.
"""

from slipway.platform.store.contract import Store
from slipway.platform.store.errors import (
    BadKey,
    BucketMissing,
    DigestMismatch,
    ObjectMissing,
    StoreDenied,
    StoreError,
    StoreFull,
    StoreUnfit,
    StoreUnreachable,
)
from slipway.platform.store.keys import blob_key
from slipway.platform.store.opening import open_store
from slipway.platform.store.probing import probe

__all__ = [
    "BadKey",
    "BucketMissing",
    "DigestMismatch",
    "ObjectMissing",
    "Store",
    "StoreDenied",
    "StoreError",
    "StoreFull",
    "StoreUnfit",
    "StoreUnreachable",
    "blob_key",
    "open_store",
    "probe",
]
