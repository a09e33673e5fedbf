"""Shards are tar files that any tool opens, named by their bytes."""

import hashlib
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.platform.data.shards import Place, ShardReader, ShardWriter, image_format


def written(folder: Path, contents: list[bytes], limit: int) -> dict[str, Place]:
    writer = ShardWriter(folder, limit)
    places: dict[str, Place] = {}
    for number, content in enumerate(contents):
        places.update(writer.add(str(number), "jpg", content))
    places.update(writer.seal())
    return places


@given(contents=st.lists(st.binary(max_size=2000), max_size=12), limit=st.integers(1, 8000))
def test_any_tool_finds_what_the_places_say(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes], limit: int
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    places = written(folder, contents, limit)
    found = {}
    for path in (folder / "shards").glob("*"):
        assert path.name == f"{hashlib.sha256(path.read_bytes()).hexdigest()}.tar"
        with tarfile.open(path) as tar:
            assert path.stat().st_size <= limit or len(tar.getmembers()) == 1
            for member in tar.getmembers():
                file = tar.extractfile(member)
                assert file is not None
                found[member.name] = file.read()
    assert found == {f"{number}.jpg": content for number, content in enumerate(contents)}
    reader = ShardReader(folder)
    assert [bytes(reader.read(places[str(number)])) for number in range(len(contents))] == contents


def test_the_same_images_make_the_same_shard(tmp_path: Path) -> None:
    contents = [b"a" * 600, b"b"]
    assert written(tmp_path / "a", contents, 9999) == written(tmp_path / "b", contents, 9999)


def test_formats_are_known_by_their_first_bytes() -> None:
    assert image_format(b"\xff\xd8\xff\xe0") == "jpg"
    assert image_format(b"\x89PNG\r\n\x1a\n....") == "png"
    assert image_format(b"GIF89a") is None
    assert image_format(b"") is None
