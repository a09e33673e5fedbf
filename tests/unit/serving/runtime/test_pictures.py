"""Pictures on a device become the pixels that training read, and what is no picture is refused in words."""

import contextlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from slipway.platform.data.rows import Box, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter
from slipway.serving.bundle.contract import Input
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.libraries import LibraryMissing
from slipway.serving.runtime.pictures import BadPicture, cut, decode, encode, placement, prepare
from slipway.training.reading.source import Decoded, View, box_crops, whole_images

Pixels = npt.NDArray[np.uint8]


def textured(height: int, width: int, seed: int = 0) -> Pixels:
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
    found: Pixels = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    return found


def wanted(height: int, width: int, **preprocessing: Any) -> Input:
    return Input.model_validate({"name": "images", "dims": ["batch", 3, height, width], "preprocessing": preprocessing})


def snapshot_of(folder: Path, data: bytes, size: tuple[int, int], box: Box) -> Snapshot:
    with SnapshotWriter(folder) as writer:
        image = Image(
            width=size[1], height=size[0], split="train", source="one", site="harbour", camera="entry",
            day="2026-03-02", time=0.0, light="day", weather="clear", sequence="one", frame=0,
            label_state="reviewed", legal_basis="synthetic", retention="2099-12-31", slices={},
        )  # fmt: skip
        writer.add(data, image, [box])
        writer.finish([], licence="made here")
    return Snapshot(folder)


def trained_on(snapshot: Snapshot, view: View, size: tuple[int, int]) -> Pixels:
    out: Pixels = np.empty((1, *size, 3), np.uint8)
    Decoded(snapshot, view, size).read(np.array([0]), out)
    return out.reshape(*size, 3)


@pytest.mark.parametrize("size", [(240, 320), (480, 640), (500, 900), (1080, 1920), (100, 90)])
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_whole_pictures_and_boxes_are_what_training_read(tmp_path: Path, size: tuple[int, int], suffix: str) -> None:
    done, found = cv2.imencode(suffix, textured(*size))
    data = found.tobytes()
    box = Box(category="car", x=20.3, y=11.7, w=50.2, h=40.9)
    snapshot = snapshot_of(tmp_path / "data", data, size, box)
    whole = wanted(240, 320)
    assert done
    assert np.array_equal(
        prepare(decode(data, whole), whole),
        trained_on(snapshot, whole_images(snapshot, np.array([0])), (240, 320)).transpose(2, 0, 1),
    )
    boxes = snapshot.boxes
    for margin in (0.0, 0.1):
        one = wanted(96, 128, crop="box", margin=margin)
        place = tuple(float(boxes[side][0].as_py()) for side in "xywh")
        got = prepare(decode(data), one, (place[0], place[1], place[0] + place[2], place[1] + place[3]))
        assert np.array_equal(
            got, trained_on(snapshot, box_crops(snapshot, boxes, margin), (96, 128)).transpose(2, 0, 1)
        )


def test_a_letterbox_keeps_the_shape_and_what_is_found_in_it_is_found_in_the_picture() -> None:
    picture = np.zeros((100, 400, 3), np.uint8)
    picture[40:60, 200:300] = (200, 100, 50)
    one = wanted(64, 64, resize="letterbox", fill=7, interpolation="linear")
    got = prepare(picture, one).astype(float)
    assert got.shape == (3, 64, 64)
    assert (got[:, :24] == 7).all()
    assert (got[:, 40:] == 7).all()
    rows, columns = np.nonzero(got[0, 24:40] > 100)
    box = np.array([columns.min(), rows.min() + 24, columns.max() + 1, rows.max() + 1 + 24], np.float32)
    found = placement((100, 400), one).back(box)
    assert np.allclose(found, [200, 40, 300, 60], atol=7)


def test_a_stretched_box_comes_back_and_never_leaves_the_picture() -> None:
    place = placement((480, 1280), wanted(240, 320))
    found = place.back(np.array([[10, 20, 30, 40], [-5, -5, 400, 300]], np.float32))
    assert found.tolist() == [[40, 40, 120, 80], [0, 0, 1280, 480]]


def test_colours_and_types_are_those_of_the_contract() -> None:
    picture = textured(8, 8)
    assert np.array_equal(prepare(picture, wanted(8, 8, colour="bgr")), picture[..., ::-1].transpose(2, 0, 1))
    one = Input.model_validate({"name": "images", "dtype": "float32", "dims": ["batch", 3, 8, 8]})
    got = prepare(picture, one)
    assert got.dtype == np.float32
    assert got.max() == picture.max()


def test_a_picture_of_any_size_goes_in_where_the_contract_leaves_the_size_open() -> None:
    one = Input.model_validate(
        {"name": "images", "dims": ["batch", 3, "high", "wide"], "preprocessing": {"resize": "none"}}
    )
    assert prepare(textured(30, 50), one).shape == (3, 30, 50)
    with pytest.raises(BadPicture, match="8 x 8 as they are; found 50 x 30"):
        prepare(textured(30, 50), wanted(8, 8, resize="none"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no picture"),
        (b"GIF89a", "no picture"),
        (b"\xff\xd8\xff\xe0garbage", "damaged JPEG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(8) + (1).to_bytes(4, "big") * 2 + bytes(9), "damaged PNG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(8) + (60_000).to_bytes(4, "big") * 2, "claims 60000 x 60000 pixels"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(BadPicture, match=said):
        decode(data, wanted(8, 8))


def test_a_truncated_picture_is_refused_or_read_and_never_breaks() -> None:
    data = encode(textured(64, 64))
    for length in range(0, len(data), 97):
        with contextlib.suppress(BadPicture):
            assert decode(data[:length]).shape == (64, 64, 3)


def test_a_box_beside_the_picture_holds_nothing() -> None:
    with pytest.raises(BadPicture, match="holds no pixel"):
        cut(textured(10, 10), (20, 0, 30, 5))


def test_an_input_of_numbers_takes_no_picture() -> None:
    one = Input.model_validate({"name": "numbers", "dtype": "float32", "dims": ["batch", 7]})
    with pytest.raises(WrongUse, match="`numbers` takes no pictures"):
        prepare(textured(8, 8), one)


def test_without_the_library_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "simplejpeg", None)
    with pytest.raises(LibraryMissing) as caught:
        decode(b"\xff\xd8\xff\xe0")
    assert caught.value.mend is not None
    assert "slipway-serving[camera]" in caught.value.mend
