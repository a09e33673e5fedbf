"""What the store's guarantees cost, against the plain calls without them.

A directory: records of 4 KiB and one large file against writing, syncing and renaming by hand. A bucket: a large file
against boto3's own transfers, on an S3 server process of this machine. Everything lies on the disk that holds the
project's local state, since a folder for temporary files may be kept in memory.
"""

import hashlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from pydantic import SecretStr

from harness import Pair
from slipway.platform.settings import schema
from slipway.platform.store import Store, blob_key, open_store

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / "tests" / "conformance" / "store" / "s3_server.py"
RECORD = b"r" * 4096
RECORDS = 50
LARGE_BYTES = 64 * 1024 * 1024
BUCKET = "bench"


@contextmanager
def pairs() -> Iterator[list[Pair]]:
    """Records and a large file in a directory, a large file in a bucket."""
    state = ROOT / ".slipway" / "bench"
    state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state) as scratch, s3_server() as endpoint:
        folder = Path(scratch)
        large = folder / "large"
        large.write_bytes(os.urandom(LARGE_BYTES))
        store = open_store(schema.Store(url=str(folder / "store")), schema.S3())
        yield [*record_pairs(store, folder), large_file_pair(store, large), *bucket_pairs(endpoint, large)]


def record_pairs(store: Store, folder: Path) -> list[Pair]:
    """Small objects, many in a row."""
    plain = folder / "plain"
    plain.mkdir()
    replaced = [f"records/{number}" for number in range(RECORDS)]
    fresh = (f"bound/{number}" for number in itertools.count())
    fresh_plain = (plain / f"bound-{number}" for number in itertools.count())

    def all_of(work: Callable[[int], object]) -> Callable[[], None]:
        def sample() -> None:
            for number in range(RECORDS):
                work(number)

        return sample

    return [
        Pair(
            name="directory: put 4 KiB, against write, sync, rename",
            ours=all_of(lambda number: store.put(replaced[number], RECORD)),
            reference=all_of(lambda number: write_synced(plain / str(number), RECORD)),
            unit="ms",
            goal=2.5,
            times=RECORDS,
        ),
        Pair(
            name="directory: put_if_absent 4 KiB, against write, sync, rename",
            ours=all_of(lambda _: store.put_if_absent(next(fresh), RECORD)),
            reference=all_of(lambda _: write_synced(next(fresh_plain), RECORD)),
            unit="ms",
            goal=2.5,
            times=RECORDS,
        ),
        Pair(
            name="directory: get 4 KiB, against read_bytes",
            ours=all_of(lambda number: store.get(replaced[number])),
            reference=all_of(lambda number: (plain / str(number)).read_bytes()),
            unit="µs",
            goal=2.5,
            times=RECORDS,
        ),
    ]


def large_file_pair(store: Store, large: Path) -> Pair:
    """A large file whose key names its content, so that both sides compute the digest."""
    key = blob_key("large", sha256(large))
    return Pair(
        name="directory: put_file 64 MiB, against copyfile, sync, sha256",
        ours=lambda: store.put_file(key, large),
        reference=lambda: copy_synced(large, large.with_name("copy")),
        unit="ms",
        goal=1.5,
    )


def bucket_pairs(endpoint: str, large: Path) -> list[Pair]:
    """A large file to a bucket and back."""
    settings = schema.S3(
        endpoint=endpoint, region="us-east-1", access_key_id="bench", secret_access_key=SecretStr("bench")
    )
    store = open_store(schema.Store(url=f"s3://{BUCKET}/ours"), settings)
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
    )
    client.create_bucket(Bucket=BUCKET)
    fetched, fetched_plain = large.with_name("fetched"), large.with_name("fetched-plain")
    return [
        Pair(
            name="bucket: put_file 64 MiB, against boto3's upload_file",
            ours=lambda: store.put_file("large", large),
            reference=lambda: client.upload_file(str(large), BUCKET, "plain/large"),
            unit="ms",
            goal=1.5,
        ),
        Pair(
            name="bucket: get_file 64 MiB, against boto3's download_file",
            ours=lambda: store.get_file("large", fetched),
            reference=lambda: client.download_file(BUCKET, "plain/large", str(fetched_plain)),
            unit="ms",
            goal=1.5,
        ),
    ]


@contextmanager
def s3_server() -> Iterator[str]:
    """An S3 server process on a free port; it ends with its standard input."""
    command = [sys.executable, str(SERVER)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            port = server.stdout.readline().strip() if server.stdout else ""
            if not port:
                raise RuntimeError(f"the S3 server {SERVER} did not start")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def write_synced(path: Path, data: bytes) -> None:
    """What a careful person writes by hand; no sync of the folder, so a crash may lose the name."""
    temporary = path.with_name(f".{path.name}")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def copy_synced(source: Path, target: Path) -> str:
    """A copy on disk and its digest."""
    shutil.copyfile(source, target)
    with target.open("rb+") as file:
        os.fsync(file.fileno())
    return sha256(target)


def sha256(path: Path) -> str:
    """The digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
