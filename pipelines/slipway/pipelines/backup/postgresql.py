"""A PostgreSQL database: dumped by `pg_dump` in one snapshot, put back by `psql` in one transaction.

Which backup was put back stands in the database's comment, so that whoever was killed and asks again is told so.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from slipway.pipelines.backup.part import State
from slipway.platform.errors import SlipwayError
from slipway.platform.masking import masked

KIND: Final = "postgresql"
MARK: Final = "slipway restore "
TABLES: Final = """select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'S') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')"""
COMMENT: Final = "select shobj_description(oid, 'pg_database') from pg_database where datname = current_database()"
MARKED: Final = """
do $$ begin execute format('comment on database %I is %L', current_database(), '{mark}'); end $$;
"""


class PostgresqlDatabase:
    """A database on a server; its role owns it."""

    kind = KIND

    def __init__(self, address: str) -> None:
        parts = urlsplit(re.sub(r"^postgresql\+\w+:", "postgresql:", address))
        user, _, host = parts.netloc.rpartition("@")
        name, _, password = user.partition(":")
        self._address = urlunsplit(parts._replace(netloc=f"{name}@{host}" if name else host))
        quiet = f"{os.environ.get('PGOPTIONS', '')} -c client_min_messages=warning".strip()
        self._environ = {**os.environ, "PGCONNECT_TIMEOUT": "10", "PGOPTIONS": quiet}
        if password:
            self._environ["PGPASSWORD"] = unquote(password)
        self.where = masked(address)

    def exists(self) -> bool:
        return True

    def dump(self, to: Path) -> None:
        """Everything in it, as SQL, without owners and rights: those belong to the server."""
        self._call("pg_dump", ["--no-owner", "--no-privileges", f"--file={to}", self._address])

    def state(self, digest: str) -> State:
        if self._ask(TABLES) == "0":
            return State.EMPTY
        return State.SAME if self._ask(COMMENT) == f"{MARK}{digest}" else State.OTHER

    def load(self, dump: Path, digest: str, *, over: bool) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            before, after = Path(scratch, "before.sql"), Path(scratch, "after.sql")
            before.write_text("drop schema public cascade; create schema public;" if over else "")
            after.write_text(MARKED.format(mark=f"{MARK}{digest}"))
            files = [f"--file={one}" for one in (before, dump, after)]
            self._psql(["--single-transaction", *files])

    def _ask(self, query: str) -> str:
        return self._psql(["--tuples-only", "--no-align", f"--command={query}"]).strip()

    def _psql(self, words: Sequence[str]) -> str:
        return self._call("psql", ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", *words, self._address])

    def _call(self, program: str, words: Sequence[str]) -> str:
        try:
            done = subprocess.run(
                [program, *words],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            raise SlipwayError(
                f"`{program}` is not installed here, and {self.where} cannot be copied without it.",
                mend="Install PostgreSQL's client programs, of the server's version or newer.",
            ) from None
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            reason = next((line for line in lines if "error:" in line.lower()), " ".join(lines) or "no reason given")
            raise SlipwayError(
                f"`{program}` failed on {self.where}: {reason}",
                mend="Look at address, rights and versions: the role owns the database, and the programs are not older "
                "than the server.",
            )
        return done.stdout
