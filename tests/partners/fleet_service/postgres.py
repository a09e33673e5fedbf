"""A real PostgreSQL on a socket of its own, where the machine has one; it refuses root, so it runs as nobody."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy
from sqlalchemy.exc import OperationalError

PATIENCE_S = 30


def lacking() -> str | None:
    """Why there is none here."""
    missing = [
        one for one in ("initdb", "postgres", *(("setpriv",) if os.geteuid() == 0 else ())) if not shutil.which(one)
    ]
    return f"no {', '.join(missing)} here" if missing else None


@contextmanager
def postgres() -> Iterator[str]:
    """The server's address, as `fleet.database` takes it."""
    folder = Path(tempfile.mkdtemp(prefix="slipway-postgres-"))
    data = folder / "data"
    before: Sequence[str] = ()
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        before = ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")
    made = [*before, "initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"]
    try:
        subprocess.run(made, cwd=folder, check=True, capture_output=True, timeout=PATIENCE_S)
        server = subprocess.Popen(
            [*before, "postgres", "-D", str(data), "-k", str(folder), "-c", "listen_addresses=", "-F"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _await(folder)
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(PATIENCE_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _await(folder: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            _execute(folder, "select 1")
        except OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


def emptied(address: str) -> str:
    """The same server, with nothing in it."""
    _execute(Path(address.partition("host=")[2]), "drop schema public cascade; create schema public")
    return address


def _execute(folder: Path, statement: str) -> None:
    engine = sqlalchemy.create_engine(f"postgresql+psycopg2://postgres@/postgres?host={folder}")
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
    finally:
        engine.dispose()
