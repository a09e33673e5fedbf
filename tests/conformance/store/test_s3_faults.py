"""An S3 store over a network and a server that fail in every way they can, on a real server process."""

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.store import (
    BucketMissing,
    ObjectMissing,
    Store,
    StoreDenied,
    StoreError,
    StoreFull,
    StoreUnfit,
    StoreUnreachable,
    probe,
)

pytestmark = [pytest.mark.xdist_group("s3"), pytest.mark.usefixtures("no_waiting")]

KEY = "work/r1-0a/mlflow.json"


def succeeded(network: Any, method: str) -> int:
    return sum(exchange.method == method and exchange.status in {200, 201, 204} for exchange in network.seen)


@pytest.mark.parametrize("lost", [1, 2, 3], ids=["once", "twice", "each time"])
def test_a_commit_whose_answer_is_lost_is_won_and_done_once(
    faulty_place: Any, s3_place: Any, network: Any, effects: Any, lost: int
) -> None:
    network.plan("PUT", effects.lose_answer, times=lost)
    assert faulty_place.open().put_if_absent(KEY, b"mine") == b"mine"
    assert succeeded(network, "PUT") == 1
    assert s3_place.open().put_if_absent(KEY, b"late") == b"mine"


def test_a_server_that_commits_and_falls_silent_is_answered_rightly(
    faulty_place: Any, network: Any, effects: Any
) -> None:
    network.plan("PUT", effects.hang, times=2)
    assert faulty_place.open(timeout_seconds=1.0, attempts=2).put_if_absent(KEY, b"mine") == b"mine"
    assert succeeded(network, "PUT") == 1


@pytest.mark.parametrize("lost", [1, 3], ids=["once", "each time"])
def test_a_request_that_is_lost_is_asked_again(faulty_place: Any, network: Any, effects: Any, lost: int) -> None:
    network.plan("PUT", effects.lose_request, times=lost)
    assert faulty_place.open().put_if_absent(KEY, b"mine") == b"mine"
    assert succeeded(network, "PUT") == 1


def test_a_lost_answer_to_a_lost_race_tells_the_winner(
    faulty_place: Any, s3_place: Any, network: Any, effects: Any
) -> None:
    s3_place.open().put(KEY, b"theirs")
    network.plan("PUT", effects.lose_answer, times=3)
    assert faulty_place.open().put_if_absent(KEY, b"mine") == b"theirs"
    assert s3_place.open().get(KEY) == b"theirs"


def test_another_may_win_between_a_lost_request_and_its_repetition(
    faulty_place: Any, s3_place: Any, network: Any, effects: Any
) -> None:
    network.plan("PUT", effects.lose_request)
    network.plan("PUT", effects.after(lambda: s3_place.open().put(KEY, b"theirs")))
    assert faulty_place.open().put_if_absent(KEY, b"mine") == b"theirs"


def test_a_conflict_is_no_answer_and_asked_again(faulty_place: Any, network: Any, effects: Any) -> None:
    network.plan("PUT", effects.error(409, "ConditionalRequestConflict"), times=2)
    assert faulty_place.open().put_if_absent(KEY, b"mine") == b"mine"


def test_a_conflict_with_a_winner_tells_the_winner(
    faulty_place: Any, s3_place: Any, network: Any, effects: Any
) -> None:
    conflict = effects.error(409, "ConditionalRequestConflict")

    def lose(exchange: Any) -> None:
        s3_place.open().put(KEY, b"theirs")
        conflict(exchange)

    network.plan("PUT", lose)
    assert faulty_place.open().put_if_absent(KEY, b"mine") == b"theirs"
    assert network.count("PUT") == 1


def test_conflicts_without_end_end_in_an_error(faulty_place: Any, network: Any, effects: Any) -> None:
    network.plan("PUT", effects.error(409, "ConditionalRequestConflict"), times=50)
    with pytest.raises(StoreError, match=KEY):
        faulty_place.open().put_if_absent(KEY, b"mine")
    assert network.count("PUT") == 3


def test_a_winner_that_vanishes_before_it_is_read_leaves_the_key_free(
    faulty_place: Any, s3_place: Any, network: Any, effects: Any
) -> None:
    other = s3_place.open()
    other.put(KEY, b"theirs")
    network.plan("GET", effects.after(lambda: other.delete(KEY)))
    assert faulty_place.open().put_if_absent(KEY, b"mine") == b"mine"


Ask = Callable[[Store, Path], object]
ASKS: dict[str, tuple[str, Ask]] = {
    "get": ("GET", lambda store, _: store.get(KEY)),
    "put": ("PUT", lambda store, _: store.put(KEY, b"new")),
    "put_if_absent": ("PUT", lambda store, _: store.put_if_absent(KEY, b"new")),
    "list": ("GET", lambda store, _: list(store.list("work/"))),
    "open_range": ("GET", lambda store, _: store.open_range(KEY, 0, 9)),
    "size": ("HEAD", lambda store, _: store.size(KEY)),
    "age": ("HEAD", lambda store, _: store.age(KEY)),
    "delete": ("DELETE", lambda store, _: store.delete(KEY)),
    "put_file": ("PUT", lambda store, folder: store.put_file(KEY, folder / "file")),
    "get_file": ("GET", lambda store, folder: store.get_file(KEY, folder / "target")),
}
each_method = pytest.mark.parametrize(("method", "ask"), ASKS.values(), ids=ASKS.keys())


@each_method
@pytest.mark.parametrize(
    "fault", [(500, "InternalError"), (503, "SlowDown"), None], ids=["internal error", "slow down", "lost request"]
)
def test_passing_faults_go_unnoticed(
    faulty_place: Any, s3_place: Any, network: Any, effects: Any, no_waiting: list[float], tmp_path: Path,
    method: str, ask: Ask, fault: tuple[int, str] | None,
) -> None:  # fmt: skip
    (tmp_path / "file").write_bytes(b"file")
    s3_place.open().put(KEY, b"old")
    network.plan(method, effects.error(*fault) if fault else effects.lose_request, times=2)
    ask(faulty_place.open(), tmp_path)
    assert len(no_waiting) == 2


@each_method
def test_a_lasting_fault_is_told_with_the_store_and_the_attempts(
    faulty_place: Any, network: Any, effects: Any, tmp_path: Path, method: str, ask: Ask
) -> None:
    (tmp_path / "file").write_bytes(b"file")
    faulty_place.open().put(KEY, b"old")
    for verb in {method, "GET", "HEAD"}:
        network.plan(verb, effects.error(503, "SlowDown"), times=50)
    with pytest.raises(StoreUnreachable) as caught:
        ask(faulty_place.open(), tmp_path)
    expect_to_be_told(caught.value, faulty_place.store.url, "3 attempts")


def expect_to_be_told(error: SlipwayError, *parts: str) -> None:
    """The message names what it should, and is not the client library's own."""
    for part in parts:
        assert part in str(error)
    assert "An error occurred" not in str(error)
    assert "Traceback" not in str(error)
    assert error.mend


@pytest.mark.parametrize(
    ("status", "code", "kind", "mend"),
    [
        (403, "AccessDenied", StoreDenied, "s3:PutObject"),
        (403, "InvalidAccessKeyId", StoreDenied, "SLIPWAY_S3__ACCESS_KEY_ID"),
        (400, "ExpiredToken", StoreDenied, "login"),
        (403, "RequestTimeTooSkewed", StoreDenied, "clock"),
        (507, "XMinioStorageFull", StoreFull, "room|space"),
        (403, "QuotaExceeded", StoreFull, "quota"),
        (501, "NotImplemented", StoreUnfit, "If-None-Match"),
        (400, "IllegalLocationConstraintException", StoreError, "SLIPWAY_S3__REGION"),
        (418, "Teapot", StoreError, "SLIPWAY_STORE__URL"),
    ],
)
@pytest.mark.parametrize("name", ["put", "put_if_absent", "put_file"])
def test_a_refusal_is_told_and_nothing_changes(
    faulty_place: Any, s3_place: Any, network: Any, effects: Any, tmp_path: Path,
    name: str, status: int, code: str, kind: type[StoreError], mend: str,
) -> None:  # fmt: skip
    (tmp_path / "file").write_bytes(b"file")
    s3_place.open().put(KEY, b"old")
    network.plan("PUT", effects.error(status, code), times=50)
    with pytest.raises(kind) as caught:
        ASKS[name][1](faulty_place.open(), tmp_path)
    expect_to_be_told(caught.value, code)
    assert any(word in str(caught.value.mend) for word in mend.split("|"))
    assert s3_place.open().get(KEY) == b"old"


@each_method
def test_a_missing_bucket_is_named(s3_place: Any, tmp_path: Path, method: str, ask: Ask) -> None:
    (tmp_path / "file").write_bytes(b"file")
    store = s3_place.below("s3://nope-not-there/prefix").open()
    with pytest.raises(BucketMissing, match="nope-not-there") as caught:
        ask(store, tmp_path)
    expect_to_be_told(caught.value, s3_place.s3.endpoint)
    assert "SLIPWAY_STORE__URL" in str(caught.value.mend), method


def test_a_large_file_finds_the_bucket_missing_too(s3_place: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 200_000)
    with pytest.raises(BucketMissing, match="nope-not-there"):
        s3_place.below("s3://nope-not-there").open_in_parts().put_file(KEY, tmp_path / "file")


def test_nobody_at_the_endpoint_is_unreachable(s3_place: Any, free_tcp_port: int) -> None:
    endpoint = f"http://127.0.0.1:{free_tcp_port}"
    with pytest.raises(StoreUnreachable) as caught:
        s3_place.through(endpoint).open(attempts=2).get(KEY)
    expect_to_be_told(caught.value, endpoint, "2 attempts")
    assert "SLIPWAY_S3__ENDPOINT" in str(caught.value.mend)


def test_missing_credentials_are_told(s3_place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    anonymous = s3_place.s3.model_copy(update={"access_key_id": None, "secret_access_key": None})
    with pytest.raises(StoreDenied) as caught:
        dataclasses.replace(s3_place, s3=anonymous).open().get(KEY)
    assert "SLIPWAY_S3__ACCESS_KEY_ID" in str(caught.value.mend)


def test_a_web_page_is_no_store(faulty_place: Any, network: Any, effects: Any) -> None:
    network.plan("HEAD", effects.page(200))
    with pytest.raises(StoreUnfit, match="no S3 server"):
        faulty_place.open().size(KEY)
    network.plan("PUT", effects.page(404))
    with pytest.raises(StoreUnfit, match="no S3 server"):
        faulty_place.open().put(KEY, b"1")
    network.plan("GET", effects.page(200))
    with pytest.raises(StoreUnfit, match="does not give back"):
        probe(faulty_place.open())


@pytest.mark.parametrize("endpoint", ["127.0.0.1:9000", "not an address"])
def test_an_endpoint_that_is_no_address_is_wrong_use(s3_place: Any, endpoint: str) -> None:
    with pytest.raises(WrongUse, match=endpoint):
        s3_place.through(endpoint).open()


def test_half_of_static_credentials_is_wrong_use(s3_place: Any) -> None:
    half = s3_place.s3.model_copy(update={"secret_access_key": None})
    with pytest.raises(WrongUse, match="half"):
        dataclasses.replace(s3_place, s3=half).open()


@pytest.mark.parametrize("name", ["get", "open_range"])
def test_a_body_that_breaks_off_is_read_again(
    faulty_place: Any, s3_place: Any, network: Any, effects: Any, tmp_path: Path, name: str
) -> None:
    s3_place.open().put(KEY, b"123456789")
    network.plan("GET", effects.cut_body, times=2)
    assert ASKS[name][1](faulty_place.open(), tmp_path) == b"123456789"


def test_bodies_that_always_break_off_are_an_error(
    faulty_place: Any, s3_place: Any, network: Any, effects: Any
) -> None:
    s3_place.open().put(KEY, b"123456789")
    network.plan("GET", effects.cut_body, times=50)
    with pytest.raises(StoreUnreachable):
        faulty_place.open().get(KEY)
    assert network.count("GET") == 3


def test_a_range_is_one_request(faulty_place: Any, s3_place: Any, network: Any) -> None:
    s3_place.open().put(KEY, b"123456789")
    store = faulty_place.open()
    store.open_range(KEY, 3, 100)
    store.open_range(KEY, 9, 100)
    assert [exchange.method for exchange in network.seen] == ["GET", "GET"]


def test_a_server_that_ignores_conditions_fails_the_probe(faulty_place: Any, network: Any, effects: Any) -> None:
    network.plan("PUT", effects.without_header("If-None-Match"), times=9)
    with pytest.raises(StoreUnfit, match="conditional") as caught:
        probe(faulty_place.open())
    expect_to_be_told(caught.value, faulty_place.store.url)


def test_the_probe_names_a_denied_listing(faulty_place: Any, network: Any, effects: Any) -> None:
    network.plan("GET", effects.error(403, "AccessDenied"), path="list-type=2")
    with pytest.raises(StoreDenied, match="ListObjectsV2") as caught:
        probe(faulty_place.open())
    assert "s3:ListBucket" in str(caught.value.mend)


def shifted(by: timedelta, *names: str) -> Callable[[dict[str, str]], dict[str, str]]:
    def shift(headers: dict[str, str]) -> dict[str, str]:
        return {name: later(value, by) if name.lower() in names else value for name, value in headers.items()}

    return shift


def later(date: str, by: timedelta) -> str:
    moment: datetime = parsedate_to_datetime(date) + by
    return format_datetime(moment, usegmt=True)


@pytest.mark.parametrize("hours", [-5, 5])
def test_the_age_is_the_same_whatever_the_server_thinks_the_hour_is(
    faulty_place: Any, network: Any, effects: Any, hours: int
) -> None:
    store = faulty_place.open()
    store.put(KEY, b"")
    network.plan("HEAD", effects.rewritten(shifted(timedelta(hours=hours), "date", "last-modified")))
    assert store.age(KEY) < timedelta(hours=1)


def test_an_object_is_as_old_as_the_servers_two_dates_are_apart(faulty_place: Any, network: Any, effects: Any) -> None:
    store = faulty_place.open()
    store.put(KEY, b"")
    network.plan("HEAD", effects.rewritten(shifted(timedelta(hours=-5), "last-modified")))
    network.plan("HEAD", effects.rewritten(shifted(timedelta(hours=5), "last-modified")))
    assert timedelta(hours=5) <= store.age(KEY) < timedelta(hours=6)
    assert store.age(KEY) == timedelta()


def test_a_server_without_a_clock_is_unfit_for_ages(faulty_place: Any, network: Any, effects: Any) -> None:
    store = faulty_place.open()
    store.put(KEY, b"")
    network.plan("HEAD", effects.rewritten(lambda headers: {k: v for k, v in headers.items() if k != "Date"}))
    with pytest.raises(StoreUnfit, match="Date"):
        store.age(KEY)


def test_what_others_put_below_the_prefix_is_not_listed(s3_place: Any, raw_s3: Any) -> None:
    bucket, _, prefix = s3_place.store.url.removeprefix("s3://").partition("/")
    for name in ("a/", ".hidden/x", "with blank", "good/key"):
        raw_s3.put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=b"")
    assert list(s3_place.open().list()) == ["good/key"]


def test_a_bucket_holds_a_key_and_keys_below_it(s3_place: Any) -> None:
    store = s3_place.open()
    store.put("a", b"1")
    store.put("a/b", b"2")
    assert (store.get("a"), store.get("a/b")) == (b"1", b"2")
    with pytest.raises(ObjectMissing):
        store.get("a/b/c")
