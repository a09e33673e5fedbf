"""Cutting a large file into parts, and pausing between attempts."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.platform.store.errors import StoreError
from slipway.platform.store.pausing import pause_bound
from slipway.platform.store.s3_parts import MOST_PARTS, Cut, PartFile, StoredPart, missing
from slipway.platform.store.s3_upload import PART_SIZE

MIB = 1024 * 1024
SMALLEST_PART_OF_S3 = 5 * MIB
LARGEST_PART_OF_S3 = 5 * 1024 * MIB


@settings(derandomize=True, max_examples=300, database=None)
@given(st.integers(1, 48 * 1024**4))
def test_parts_cover_a_file_once_within_the_limits_of_s3(size: int) -> None:
    cut = Cut.of(size, PART_SIZE)
    assert len(cut.numbers) <= MOST_PARTS
    assert SMALLEST_PART_OF_S3 <= cut.part_size <= LARGEST_PART_OF_S3
    last = cut.numbers[-1]
    assert cut.start(1) == 0
    assert cut.start(last) + cut.length(last) == size
    assert 1 <= cut.length(last) <= cut.part_size
    assert all(cut.length(number) == cut.part_size for number in (1, last - 1) if 0 < number < last)


def test_a_file_of_ordinary_size_is_cut_as_wished() -> None:
    assert Cut.of(PART_SIZE * MOST_PARTS, PART_SIZE).part_size == PART_SIZE
    assert Cut.of(PART_SIZE * MOST_PARTS + 1, PART_SIZE).part_size == PART_SIZE + MIB


def test_what_is_missing_is_what_is_not_there() -> None:
    cut = Cut(size=25, part_size=10)
    assert missing(cut, {}) == [1, 2, 3]
    assert missing(cut, {2: "etag"}) == [1, 3]
    assert missing(cut, {1: "a", 2: "b", 3: "c"}) == []


@pytest.fixture
def file(tmp_path: Path) -> PartFile:
    (tmp_path / "file").write_bytes(b"aaaabbbbcc")
    return PartFile(tmp_path / "file", 4)


def stored(number: int, data: bytes, size: int | None = None) -> StoredPart:
    etag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
    return StoredPart(number=number, size=len(data) if size is None else size, etag=etag)


def test_a_file_knows_its_own_parts(file: PartFile) -> None:
    assert file.has(stored(1, b"aaaa"))
    assert file.has(stored(3, b"cc"))
    file.close()


@pytest.mark.parametrize(
    "part", [stored(1, b"bbbb"), stored(4, b""), stored(0, b"aaaa"), stored(3, b"cc", size=4), stored(2, b"bbb")]
)
def test_a_file_knows_what_is_not_its_own(file: PartFile, part: StoredPart) -> None:
    assert not file.has(part)
    file.close()


def test_a_part_encrypted_with_a_key_of_a_vault_is_not_known_again(file: PartFile) -> None:
    assert not file.has(StoredPart(number=1, size=4, etag='"8f14e45fceea167a5a36dedd4bea2543"'))
    file.close()


def test_a_files_digests_are_those_of_its_bytes(file: PartFile) -> None:
    assert file.sha256() == hashlib.sha256(b"aaaabbbbcc").hexdigest()
    whole = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in (b"aaaa", b"bbbb", b"cc"))
    assert file.etag() == f"{hashlib.md5(whole, usedforsecurity=False).hexdigest()}-3"
    file.close()


def test_a_file_that_was_written_to_is_refused(file: PartFile, tmp_path: Path) -> None:
    file.check_unchanged()
    with (tmp_path / "file").open("ab") as writer:
        writer.write(b"more")
    with pytest.raises(StoreError, match="changed while it was sent"):
        file.check_unchanged()
    file.close()


def test_pauses_grow_and_are_bounded() -> None:
    bounds = [pause_bound(attempt) for attempt in range(1, 20)]
    assert bounds == sorted(bounds)
    assert bounds[1] == 2 * bounds[0]
    assert bounds[-1] == bounds[-2]
