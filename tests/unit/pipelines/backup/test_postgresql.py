"""A database on a real PostgreSQL: dumped, put back, put back over something else, at once or not at all."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from fleet_service.postgres import lacking, postgres
from slipway.pipelines.backup.part import State
from slipway.pipelines.backup.postgresql import PostgresqlDatabase
from slipway.platform.errors import SlipwayError

pytestmark = pytest.mark.xdist_group("backup drill")
BEGIN = "create table cars (plate text primary key, seen bigserial); insert into cars values ('AB-1'), ('AB-2');"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    if why := lacking():
        pytest.skip(why)
    with postgres() as address:
        yield address


@pytest.fixture
def database(server: str) -> PostgresqlDatabase:
    """One of its own for each test, with two cars."""
    name = f"d{uuid4().hex}"
    PostgresqlDatabase(server)._ask(f"create database {name}")
    found = PostgresqlDatabase(server.replace("@/postgres", f"@/{name}").replace("postgresql:", "postgresql+psycopg2:"))
    assert found.state("d") is State.EMPTY
    found._ask(BEGIN)
    return found


def cars(database: PostgresqlDatabase) -> str:
    return database._ask("select string_agg(plate, ' ' order by plate) from cars")


def test_it_comes_back_over_something_else_and_says_from_which_backup(
    database: PostgresqlDatabase, tmp_path: Path
) -> None:
    dump = tmp_path / "dump.sql"
    database.dump(dump)
    database._ask("insert into cars values ('XY-9'); create table other (id int)")
    assert database.state("d1") is State.OTHER
    database.load(dump, "d1", over=True)
    assert cars(database) == "AB-1 AB-2"
    assert database._ask("select to_regclass('other') is null") == "t"
    assert database.state("d1") is State.SAME
    assert database.state("d2") is State.OTHER
    again = tmp_path / "again.sql"
    database.dump(again)
    database.load(again, "d2", over=True)
    assert (cars(database), database.state("d2")) == ("AB-1 AB-2", State.SAME)
    database._ask("insert into cars (plate) values ('AB-3')")


def test_a_dump_that_breaks_off_changes_nothing(database: PostgresqlDatabase, tmp_path: Path) -> None:
    dump = tmp_path / "dump.sql"
    database.dump(dump)
    dump.write_text(dump.read_text().replace("\\.", "\\.\nselect 1/0;", 1))
    database._ask("insert into cars values ('XY-9')")
    with pytest.raises(SlipwayError, match="division by zero"):
        database.load(dump, "d1", over=True)
    assert cars(database) == "AB-1 AB-2 XY-9"


def test_no_password_is_shown_or_stands_among_a_programs_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "psql"
    program.write_text('#!/bin/sh\necho "$@" >> "$0.said"\necho "$PGPASSWORD" > "$0.heard"\nexit 3\n')
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    database = PostgresqlDatabase("postgresql://ada:s%40cret@db.example/fleet")
    with pytest.raises(SlipwayError, match="failed on postgresql://ada:"):
        database.state("d")
    assert "cret" not in database.where
    assert "cret" not in (tmp_path / "psql.said").read_text()
    assert (tmp_path / "psql.heard").read_text() == "s@cret\n"


def test_without_the_programs_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SlipwayError, match="`pg_dump` is not installed") as told:
        PostgresqlDatabase("postgresql://db.example/fleet").dump(tmp_path / "dump.sql")
    assert "client programs" in str(told.value.mend)
