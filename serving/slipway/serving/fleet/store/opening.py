"""Opening the store's database: SQLite in a file or PostgreSQL, brought to the tables that this version knows.

SQLite writes ahead (WAL) and waits for the disk at each commit (`synchronous = full`): an answer says that something is
stored, and then it outlives a power cut. Commits are shared, see `writer`, so this costs little. A database that a
newer Slipway has changed is refused, an older one is upgraded.
"""

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from slipway.platform.errors import SlipwayError, WrongUse

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS: Final = "slipway.serving.fleet.store:migrations"
SETTING: Final = "`SLIPWAY_FLEET__DATABASE`, or `database` in `[contexts.<name>.fleet]`, names it."
DRIVERS: Final = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg2"}
PATIENCE_S: Final = 5
"""For a lock or a connection; a device waits for its answer four times as long."""
READERS: Final = 8
"""Connections that read at once."""


def address(text: str, root: Path) -> URL:
    """The database of `fleet.database`; a relative file lies in the project."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise WrongUse(f"fleet.database is no address of a database: {text!r}.", mend=SETTING) from None
    driver = DRIVERS.get(url.drivername)
    if driver is None:
        raise WrongUse(
            f"fleet.database is at a `{url.drivername}`; expected sqlite:///FILE or postgresql://….", mend=SETTING
        )
    if driver == DRIVERS["sqlite"]:
        if not url.database or url.database == ":memory:":
            raise WrongUse("fleet.database names no file; a store in memory keeps nothing.", mend=SETTING)
        url = url.set(database=str(root / url.database))
    return url.set(drivername=driver)


def open_engine(url: URL, *, writes: bool) -> Engine:
    """Connections to it: one that writes, or several that read."""
    more: dict[str, Any] = {"pool_size": 1 if writes else READERS, "max_overflow": 0 if writes else READERS}
    if url.get_backend_name() == "sqlite":
        engine = sqlalchemy.create_engine(url, connect_args={"check_same_thread": False}, **more)
        _tune(engine, begin="begin immediate" if writes else "begin")
        return engine
    return sqlalchemy.create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": PATIENCE_S}, **more)


def _tune(engine: Engine, begin: str) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout = {PATIENCE_S * 1000}",
            "journal_mode = wal",
            "synchronous = full",
            "temp_store = memory",
            "cache_size = -65536",
            "journal_size_limit = 67108864",
        ):
            connection.execute(f"pragma {pragma}").close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


def prepare(engine: Engine) -> str | None:
    """Make the tables, or bring them up to date; the revision that it was before."""
    from alembic import command
    from alembic.runtime.migration import MigrationContext

    url = engine.url
    if url.get_backend_name() == "sqlite" and url.database:
        _make_file(Path(url.database))
    try:
        with engine.begin() as connection:
            before = MigrationContext.configure(connection).get_current_revision()
            _check_known(before, url)
            config = configuration()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except SQLAlchemyError as error:
        raise _unusable(url, error) from None
    return before


def _make_file(path: Path) -> None:
    """For this account alone: it holds pictures."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise SlipwayError(f"The fleet store at {path} cannot be used: {error.strerror}.", mend=SETTING) from None


def configuration() -> "Config":
    """Of alembic, with the steps in this package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    config.set_main_option("path_separator", "os")
    return config


def unreadable(engine: Engine, error: SQLAlchemyError) -> SlipwayError:
    """Why a store cannot be read that was opened as it is: it may be of another version."""
    from alembic.runtime.migration import MigrationContext
    from alembic.util.exc import CommandError

    url = engine.url
    try:
        with engine.connect() as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
        _check_known(revision, url)
    except SlipwayError as newer:
        return newer
    except (SQLAlchemyError, CommandError):
        return _unusable(url, error)
    if revision == _revisions()[0]:
        return _unusable(url, error)
    return SlipwayError(
        f"The fleet store at {url.render_as_string()} is as an older Slipway has left it (revision {revision}).",
        mend="`slipway fleet serve` upgrades it when it starts.",
    )


def _revisions() -> list[str]:
    """Those that this version knows, the newest first."""
    from alembic.script import ScriptDirectory

    return [one.revision for one in ScriptDirectory.from_config(configuration()).walk_revisions()]


def _check_known(revision: str | None, url: URL) -> None:
    if revision is not None and revision not in _revisions():
        raise SlipwayError(
            f"The fleet store at {url.render_as_string()} was changed by a newer Slipway (revision {revision}).",
            mend="Start the newer version, or go back to a copy of the database from before.",
        )


def _unusable(url: URL, error: SQLAlchemyError) -> SlipwayError:
    why = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    return SlipwayError(f"The fleet store at {url.render_as_string()} cannot be used: {why}", mend=SETTING)
