"""Making the S3 client from the settings: how patient it is, where it asks, as whom.

Repeating failed requests is botocore's (`standard` mode: transport errors, 5xx and throttling, with growing pauses).
Checksums that only newer servers know are left out; every write carries its MD5 instead, which all of them check.
"""

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from slipway.platform.errors import WrongUse
from slipway.platform.store.errors import StoreDenied

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from slipway.platform.settings.schema import S3

_LONGEST_CONNECT_SECONDS = 10.0


def connect(settings: "S3", *, attempts: int, timeout_seconds: float) -> "S3Client":
    """A client; nothing is asked of the server yet."""
    secret = settings.secret_access_key
    if (settings.access_key_id is None) != (secret is None):
        raise WrongUse(
            "Only one half of the static S3 credentials is set.",
            mend="Set both `SLIPWAY_S3__ACCESS_KEY_ID` and `SLIPWAY_S3__SECRET_ACCESS_KEY`, or neither.",
        )
    config = Config(
        connect_timeout=min(timeout_seconds, _LONGEST_CONNECT_SECONDS),
        read_timeout=timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        s3={"addressing_style": "path" if settings.endpoint else "auto"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    try:
        return boto3.session.Session().client(
            "s3",
            endpoint_url=settings.endpoint,
            region_name=settings.region,
            aws_access_key_id=settings.access_key_id,
            aws_secret_access_key=secret.get_secret_value() if secret else None,
            config=config,
        )
    except ValueError as error:
        raise WrongUse(
            f"`{settings.endpoint}` or `{settings.region}` is not what an S3 client can use ({error}).",
            mend="Set `SLIPWAY_S3__ENDPOINT` to an address such as `http://127.0.0.1:9000`, the region to its name.",
        ) from error
    except BotoCoreError as error:
        raise StoreDenied(
            f"The vendor's own configuration of this user cannot be used ({error}).",
            mend="Correct `~/.aws/config` and the `AWS_*` variables, or set the S3 settings of this context.",
        ) from error
