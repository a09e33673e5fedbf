"""A PostgreSQL and an S3 server of this machine, and what a context says to use them."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

from fleet_service.postgres import postgres
from overseen.s3 import s3_server


@dataclass(frozen=True)
class Servers:
    """Both, and what a context says to use them."""

    postgresql: str
    s3: int
    """Its port; there is a bucket `slipway`."""

    def database(self) -> str:
        """The address of a new, empty database."""
        name = f"d{uuid4().hex}"
        socket = self.postgresql.partition("host=")[2]
        subprocess.run(["createdb", "-h", socket, "-U", "postgres", name], check=True)
        return self.postgresql.replace("@/postgres?", f"@/{name}?")

    def place(self) -> str:
        """The address of a new, empty part of the bucket."""
        return f"s3://slipway/{uuid4().hex}"

    @property
    def reach(self) -> dict[str, str]:
        """The settings by which buckets are reached."""
        return {
            "SLIPWAY_S3__ENDPOINT": f"http://127.0.0.1:{self.s3}",
            "SLIPWAY_S3__REGION": "us-east-1",
            "SLIPWAY_S3__ACCESS_KEY_ID": "ada",
            "SLIPWAY_S3__SECRET_ACCESS_KEY": "not-a-secret",
        }


@contextmanager
def both() -> Iterator[Servers]:
    """Started, and ended with the block."""
    with s3_server() as port, postgres() as address:
        yield Servers(address, port)
