"""An S3 server on loopback in a process of its own, with an empty bucket `slipway`."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3

SERVER = Path(__file__).parents[2] / "conformance" / "store" / "s3_server.py"


@contextmanager
def s3_server() -> Iterator[int]:
    """Its port; it ends when its standard input is closed."""
    words = [sys.executable, str(SERVER)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            endpoint = f"http://127.0.0.1:{port}"
            client = boto3.session.Session().client(
                "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
            )
            client.create_bucket(Bucket="slipway")
            client.close()
            yield port
        finally:
            server.terminate()
