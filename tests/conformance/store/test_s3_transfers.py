"""Large objects to and from S3 in parts: resumed, never mixed, nobody else's touched."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.errors import WrongUse
from slipway.platform.store import DigestMismatch, StoreDenied, StoreError, StoreUnreachable, blob_key

pytestmark = [pytest.mark.xdist_group("s3"), pytest.mark.usefixtures("no_waiting")]

KEY = "models/weights.bin"
PART = 64 * 1024
OLD, NEW = os.urandom(4 * PART + 5), os.urandom(5 * PART + 7)
NEW_PARTS = 6
PART_SENT = "partNumber="
FINISH = "uploadId="


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(NEW)
    return path


class Uploads:
    """Unfinished uploads of the key, as somebody else's program sees and makes them."""

    def __init__(self, client: Any, url: str) -> None:
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        self.client, self.object = client, {"Bucket": bucket, "Key": f"{prefix}/{KEY}"}

    def begin(self, *parts: bytes) -> str:
        upload_id: str = self.client.create_multipart_upload(**self.object)["UploadId"]
        for number, data in enumerate(parts, start=1):
            self.send(upload_id, number, data)
        return upload_id

    def send(self, upload_id: str, number: int, data: bytes) -> None:
        self.client.upload_part(**self.object, UploadId=upload_id, PartNumber=number, Body=data)

    def ids(self) -> set[str]:
        listed = self.client.list_multipart_uploads(Bucket=self.object["Bucket"], Prefix=self.object["Key"])
        return {upload["UploadId"] for upload in listed.get("Uploads", [])}

    def abort(self) -> None:
        for upload_id in self.ids():
            self.client.abort_multipart_upload(**self.object, UploadId=upload_id)


@pytest.fixture
def uploads(raw_s3: Any, s3_place: Any) -> Uploads:
    return Uploads(raw_s3, s3_place.store.url)


@pytest.mark.parametrize("parallel", [1, 3])
def test_a_large_file_travels_in_parts_and_comes_back(
    faulty_place: Any, network: Any, uploads: Uploads, source: Path, tmp_path: Path, parallel: int
) -> None:
    store = faulty_place.open_in_parts(parallel)
    store.put_file(KEY, source)
    store.get_file(KEY, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == NEW
    assert network.count("PUT", PART_SENT) == NEW_PARTS
    assert network.count("GET", KEY) == NEW_PARTS
    assert uploads.ids() == set()


@pytest.mark.parametrize("there", [1, 3, 6])
def test_an_unfinished_upload_of_the_same_content_is_gone_on_with(
    faulty_place: Any, network: Any, uploads: Uploads, source: Path, there: int
) -> None:
    uploads.begin(*(NEW[number * PART : (number + 1) * PART] for number in range(there)))
    store = faulty_place.open_in_parts()
    store.put_file(KEY, source)
    assert network.count("PUT", PART_SENT) == NEW_PARTS - there
    assert network.count("POST", "uploads") == 0
    assert store.get(KEY) == NEW
    assert uploads.ids() == set()


def test_of_several_unfinished_uploads_the_furthest_is_gone_on_with(
    faulty_place: Any, network: Any, uploads: Uploads, source: Path
) -> None:
    parts = [NEW[number * PART : (number + 1) * PART] for number in range(4)]
    left = {uploads.begin(*parts[:2]), uploads.begin(*parts[:3], OLD[:PART]), uploads.begin()}
    uploads.begin(*parts)
    faulty_place.open_in_parts().put_file(KEY, source)
    assert network.count("PUT", PART_SENT) == NEW_PARTS - 4
    assert uploads.ids() == left


def test_the_unfinished_upload_of_another_content_is_left_alone(s3_place: Any, uploads: Uploads, source: Path) -> None:
    theirs = uploads.begin(NEW[:PART], OLD[PART : 2 * PART])
    store = s3_place.open_in_parts()
    store.put_file(KEY, source)
    assert store.get(KEY) == NEW
    assert uploads.ids() == {theirs}


def test_an_upload_of_another_key_with_the_same_beginning_is_left_alone(
    s3_place: Any, raw_s3: Any, uploads: Uploads, source: Path
) -> None:
    longer = Uploads(raw_s3, s3_place.store.url)
    longer.object = {**uploads.object, "Key": f"{uploads.object['Key']}.old"}
    theirs = longer.begin(NEW[:PART])
    s3_place.open_in_parts().put_file(KEY, source)
    assert longer.ids() == {theirs}


@pytest.mark.parametrize("lost", [1, 3], ids=["once", "each time"])
def test_a_finish_whose_answer_is_lost_has_finished(
    faulty_place: Any, network: Any, effects: Any, source: Path, lost: int
) -> None:
    network.plan("POST", effects.lose_answer, path=FINISH, times=lost)
    store = faulty_place.open_in_parts()
    store.put_file(KEY, source)
    assert store.get(KEY) == NEW
    assert network.count("PUT", PART_SENT) == NEW_PARTS


def test_a_finish_that_finds_its_upload_finished_by_another_is_content(
    faulty_place: Any, s3_place: Any, network: Any, effects: Any, source: Path
) -> None:
    """Two writers of the same content share an upload; the slower one finds the work done."""
    network.plan("POST", effects.error(404, "NoSuchUpload"), path=FINISH, times=9)
    s3_place.open_in_parts().put_file(KEY, source)
    store = faulty_place.open_in_parts()
    store.put_file(KEY, source)
    assert network.count("PUT", PART_SENT) == NEW_PARTS
    assert store.get(KEY) == NEW


def test_an_upload_that_vanishes_is_begun_anew(
    faulty_place: Any, network: Any, effects: Any, uploads: Uploads, source: Path
) -> None:
    def vanish(exchange: Any) -> None:
        uploads.abort()
        effects.error(404, "NoSuchUpload")(exchange)

    network.plan("PUT", effects.answered, path=PART_SENT, times=3)
    network.plan("PUT", vanish, path=PART_SENT)
    store = faulty_place.open_in_parts()
    store.put_file(KEY, source)
    assert store.get(KEY) == NEW
    assert sum(exchange.method == "PUT" and exchange.status == 200 for exchange in network.seen) == 3 + NEW_PARTS


def test_two_contents_never_mix_in_one_object(
    faulty_place: Any, network: Any, effects: Any, uploads: Uploads, source: Path
) -> None:
    """Another writer, whose file begins alike, sends its own second part into our upload just before we finish."""

    def intrude() -> None:
        (upload_id,) = uploads.ids()
        uploads.send(upload_id, 2, OLD[:PART])

    network.plan("POST", effects.after(intrude), path=FINISH)
    store = faulty_place.open_in_parts()
    store.put_file(KEY, source)
    assert store.get(KEY) == NEW
    assert network.count("PUT", PART_SENT) == 2 * NEW_PARTS


def test_a_finish_that_never_arrives_costs_no_part_when_asked_again(
    faulty_place: Any, network: Any, effects: Any, source: Path
) -> None:
    network.plan("POST", effects.lose_request, path=FINISH, times=3)
    store = faulty_place.open_in_parts()
    with pytest.raises(StoreUnreachable, match="3 attempts"):
        store.put_file(KEY, source)
    assert list(store.list()) == []
    store.put_file(KEY, source)
    assert network.count("PUT", PART_SENT) == NEW_PARTS
    assert store.get(KEY) == NEW


def test_an_upload_that_is_gone_when_looked_at_is_no_obstacle(
    faulty_place: Any, network: Any, effects: Any, uploads: Uploads, source: Path
) -> None:
    uploads.begin(NEW[:PART])
    network.plan("GET", effects.error(404, "NoSuchUpload"), path=FINISH)
    store = faulty_place.open_in_parts()
    store.put_file(KEY, source)
    assert network.count("PUT", PART_SENT) == NEW_PARTS
    assert store.get(KEY) == NEW


def test_being_disturbed_without_end_is_an_error(faulty_place: Any, network: Any, effects: Any, source: Path) -> None:
    network.plan("POST", effects.error(404, "NoSuchUpload"), path=FINISH, times=50)
    with pytest.raises(StoreError, match="3 times"):
        faulty_place.open_in_parts().put_file(KEY, source)


def test_a_store_that_does_not_let_uploads_be_listed_sends_everything(
    faulty_place: Any, network: Any, effects: Any, uploads: Uploads, source: Path
) -> None:
    uploads.begin(NEW[:PART])
    network.plan("GET", effects.error(403, "AccessDenied"), path="uploads")
    store = faulty_place.open_in_parts()
    store.put_file(KEY, source)
    assert network.count("PUT", PART_SENT) == NEW_PARTS
    assert store.get(KEY) == NEW


def test_a_denied_part_is_told_and_the_old_object_stays(
    faulty_place: Any, s3_place: Any, network: Any, effects: Any, source: Path
) -> None:
    s3_place.open().put(KEY, OLD)
    network.plan("PUT", effects.error(403, "AccessDenied"), path="partNumber=4", times=9)
    with pytest.raises(StoreDenied, match=KEY):
        faulty_place.open_in_parts(parallel=3).put_file(KEY, source)
    assert s3_place.open().get(KEY) == OLD


@pytest.mark.parametrize("change", ["longer", "other", "shorter"])
def test_a_file_that_changes_while_it_is_sent_is_not_stored(
    faulty_place: Any, network: Any, effects: Any, source: Path, change: str
) -> None:
    def alter() -> None:
        source.write_bytes({"longer": NEW + b"x", "other": NEW[::-1], "shorter": NEW[:PART]}[change])
        os.utime(source, (0, 0))

    network.plan("PUT", effects.after(alter), path="partNumber=2")
    store = faulty_place.open_in_parts()
    with pytest.raises(StoreError, match="changed while it was sent"):
        store.put_file(KEY, source)
    assert list(store.list()) == []


def test_a_large_file_that_is_not_its_name_is_refused_before_anything_is_sent(
    faulty_place: Any, network: Any, source: Path
) -> None:
    with pytest.raises(DigestMismatch) as caught:
        faulty_place.open_in_parts().put_file(blob_key("models", hashlib.sha256(OLD).hexdigest()), source)
    assert caught.value.found == hashlib.sha256(NEW).hexdigest()
    assert network.seen == []


def test_a_large_file_under_its_digest_travels_both_ways(s3_place: Any, source: Path, tmp_path: Path) -> None:
    store, key = s3_place.open_in_parts(parallel=2), blob_key("models", hashlib.sha256(NEW).hexdigest(), ".bin")
    store.put_file(key, source)
    store.get_file(key, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == NEW


def test_a_fetch_that_broke_off_goes_on_where_it_was(
    faulty_place: Any, s3_place: Any, network: Any, effects: Any, tmp_path: Path
) -> None:
    s3_place.open().put(KEY, NEW)
    network.plan("GET", effects.answered, times=4)
    network.plan("GET", effects.lose_request, times=50)
    store, target = faulty_place.open_in_parts(), tmp_path / "target"
    with pytest.raises(StoreUnreachable):
        store.get_file(KEY, target)
    assert not target.exists()
    fetched_before = 4 - 1  # with one piece read ahead, the fourth was not yet written when the fifth failed
    network.forget_plans()
    asked = network.count("GET")
    store.get_file(KEY, target)
    assert network.count("GET") - asked <= NEW_PARTS - fetched_before
    assert target.read_bytes() == NEW
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_a_fetch_never_goes_on_with_another_version(
    faulty_place: Any, s3_place: Any, network: Any, effects: Any, tmp_path: Path
) -> None:
    s3_place.open().put(KEY, OLD)
    network.plan("GET", effects.answered, times=3)
    network.plan("GET", effects.lose_request, times=50)
    store, target = faulty_place.open_in_parts(), tmp_path / "target"
    with pytest.raises(StoreUnreachable):
        store.get_file(KEY, target)
    network.forget_plans()
    s3_place.open().put(KEY, NEW)
    store.get_file(KEY, target)
    assert target.read_bytes() == NEW
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


@pytest.mark.parametrize("honoured", [True, False], ids=["honoured", "ignored"])
def test_an_object_replaced_during_its_fetch_is_fetched_anew(
    faulty_place: Any, s3_place: Any, network: Any, effects: Any, tmp_path: Path, honoured: bool
) -> None:
    s3_place.open().put(KEY, OLD)

    passed_on = effects.answered if honoured else effects.without_header("If-Match")

    def replace(exchange: Any) -> None:
        s3_place.open().put(KEY, NEW)
        passed_on(exchange)

    network.plan("GET", effects.answered, times=2)
    network.plan("GET", replace)
    network.plan("GET", passed_on, times=20)
    faulty_place.open_in_parts().get_file(KEY, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == NEW


def test_an_object_that_is_replaced_without_end_is_an_error(
    faulty_place: Any, network: Any, effects: Any, tmp_path: Path
) -> None:
    store = faulty_place.open_in_parts()
    store.put(KEY, NEW)
    network.plan("GET", effects.error(412, "PreconditionFailed"), times=50)
    with pytest.raises(StoreError, match="replaced while it was fetched"):
        store.get_file(KEY, tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_source_that_cannot_be_read_is_not_the_stores_fault(s3_place: Any, tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="nowhere"):
        s3_place.open_in_parts().put_file(KEY, tmp_path / "nowhere")
