"""A folder becomes a device by a real fleet service, once; and again, with its own key, where something has changed."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete

from little_company import Laptop, serving
from slipway.pipelines.local.founding.device import GONE, ensure_enrolled
from slipway.pipelines.local.founding.fleets import HASTE, Device, device_wanted
from slipway.serving.edge.configuration import DEVICE, Home
from slipway.serving.edge.fleet.book import Book, Trouble
from slipway.serving.fleet.cli.client import NotReached
from slipway.serving.fleet.store.enrolling import By
from slipway.serving.fleet.store.store import FleetStore
from slipway.serving.fleet.store.tables import DEVICES, HEARD

Founded = Callable[..., Laptop]
NAME = "north-1"


@pytest.fixture
def at_home(founded: Founded) -> Laptop:
    """Where the device will be."""
    return founded()


@pytest.fixture
def store(at_home: Laptop) -> Iterator[FleetStore]:
    with serving(at_home) as found:
        yield found


@pytest.fixture
def home(at_home: Laptop) -> Home:
    return Home(wanted().home(at_home.place))


def wanted(**other: object) -> Device:
    return replace(device_wanted(NAME), **other)  # type: ignore[arg-type]


def enrolled(laptop: Laptop, home: Home, **other: object) -> str:
    return ensure_enrolled(laptop.acting(), wanted(**other), home)


def changes(store: FleetStore) -> list[str]:
    """What was done to the device, the first first."""
    return [one.what for one in reversed(store.audit(NAME)) if one.what != "token"]


def test_a_folder_is_enrolled_once(at_home: Laptop, store: FleetStore, home: Home) -> None:
    assert enrolled(at_home, home).startswith(f"The device {NAME} is enrolled: it follows bay-occupancy")
    found, key = home.enrolment(), home.key.read_bytes()
    assert (found.id, found.site, found.cohorts) == (NAME, "north", ("pilot",))
    assert found.probation.seconds == HASTE["probation"]["seconds"]
    assert found.latency_times == HASTE["latency_times"]
    assert enrolled(at_home, home) == ""
    assert (home.enrolment(), home.key.read_bytes()) == (found, key)
    assert changes(store) == ["enrol"]


@pytest.mark.parametrize("killed_before", [DEVICE, "fleet.json"])
def test_who_was_killed_while_enrolling_is_enrolled_with_the_same_key(
    at_home: Laptop, store: FleetStore, home: Home, killed_before: str
) -> None:
    enrolled(at_home, home)
    key = home.key.read_bytes()
    (home.folder / DEVICE).unlink()
    (home.folder / killed_before).unlink(missing_ok=True)
    assert "is enrolled" in enrolled(at_home, home)
    assert home.key.read_bytes() == key
    assert changes(store) == ["enrol", "enrol"]


def test_a_folder_that_is_gone_is_another_device_and_the_former_key_is_believed_no_more(
    at_home: Laptop, store: FleetStore, home: Home
) -> None:
    enrolled(at_home, home)
    key = store.key_of(NAME)
    shutil.rmtree(home.folder)
    assert "is enrolled" in enrolled(at_home, home)
    assert store.key_of(NAME) not in {None, key}
    assert changes(store) == ["enrol", "revoke", "enrol"]
    assert GONE in [one.about.get("reason") for one in store.audit(NAME)]


def test_other_models_are_followed_with_the_same_key(at_home: Laptop, store: FleetStore, home: Home) -> None:
    enrolled(at_home, home)
    key = home.key.read_bytes()
    assert "is enrolled again: it follows bay-occupancy." in enrolled(at_home, home, models=("bay-occupancy",))
    assert home.enrolment().models == ("bay-occupancy",)
    assert home.key.read_bytes() == key
    assert store.device(NAME) is not None


def test_a_service_that_moved_is_told_from_then_on(at_home: Laptop, home: Home) -> None:
    with serving(at_home):
        enrolled(at_home, home)
        before, key = home.enrolment().fleet, home.key.read_bytes()
    with serving(at_home):
        assert "is enrolled again" in enrolled(at_home, home)
    assert home.enrolment().fleet not in {None, before}
    assert home.key.read_bytes() == key


def test_a_channel_that_was_begun_anew_is_followed_from_its_own_root(
    at_home: Laptop, store: FleetStore, home: Home
) -> None:
    enrolled(at_home, home)
    before = home.enrolment().root
    (home.folder / "trust").mkdir()
    shutil.rmtree(at_home.root / ".slipway" / "channel")
    at_home.found()
    assert "is enrolled again" in enrolled(at_home, home)
    assert home.enrolment().root != before
    assert not (home.folder / "trust").exists()
    assert changes(store) == ["enrol", "enrol"]


def refused(home: Home) -> None:
    """As its agent remembers it."""
    Book(home).failed(Trouble(kind="revoked", since=datetime.now(UTC), why="refused"))


def test_a_device_that_the_service_has_forgotten_is_enrolled_with_its_key(
    at_home: Laptop, store: FleetStore, home: Home
) -> None:
    enrolled(at_home, home)
    key = store.key_of(NAME)
    store.writer.do(lambda connection: [connection.execute(delete(table)) for table in (HEARD, DEVICES)])
    refused(home)
    assert "is enrolled again" in enrolled(at_home, home)
    assert store.key_of(NAME) == key


def test_a_device_that_a_person_revoked_stays_revoked(at_home: Laptop, store: FleetStore, home: Home) -> None:
    enrolled(at_home, home)
    store.revoke(NAME, "stolen", By("ada", b""))
    refused(home)
    assert enrolled(at_home, home) == ""
    assert changes(store) == ["enrol", "revoke"]


def test_a_damaged_enrolment_is_written_anew(at_home: Laptop, store: FleetStore, home: Home) -> None:
    enrolled(at_home, home)
    key = home.key.read_bytes()
    (home.folder / DEVICE).write_text("{")
    assert "is enrolled again" in enrolled(at_home, home)
    assert home.key.read_bytes() == key
    assert store.device(NAME) is not None


def test_without_a_service_nothing_is_written(at_home: Laptop, home: Home) -> None:
    at_home.environ["SLIPWAY_FLEET__URL"] = "http://127.0.0.1:1"
    with pytest.raises(NotReached):
        enrolled(at_home, home)
    assert not Path(home.folder / DEVICE).exists()
