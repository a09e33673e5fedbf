"""Pixels: of the wanted size, right where the decoder halves them, and errors that name the image."""

import struct
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from slipway.platform.data.rows import Box, Image
from slipway.platform.data.shards import shard_path
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.errors import WrongUse
from slipway.training.reading.errors import UnreadableImage
from slipway.training.reading.pixels import Pixels, Size, decode, fit
from slipway.training.reading.source import Decoded, box_crops, whole_images

Picture = Callable[[int, int, int], Pixels]
Encode = Callable[..., bytes]
MakeSnapshot = Callable[..., Snapshot]


def read(source: Decoded, *rows: int) -> Pixels:
    """The pixels of rows."""
    out = np.empty((len(rows), *source.size, 3), np.uint8)
    source.read(np.array(rows), out)
    return out


def known(height: int, width: int) -> Image:
    """What the index says of an image."""
    return Image(width=width, height=height, split="train", source="made here")


def test_an_image_of_the_wanted_size_is_decoded_as_it_is(make_picture: Picture, encode: Encode) -> None:
    picture = make_picture(0, 30, 50)
    out = np.empty_like(picture)
    fit(decode(encode(picture, ".png"), (30, 50), (30, 50)), out)
    assert (out == picture).all()


def test_jpeg_and_png_have_their_colours_in_the_same_order(make_picture: Picture, encode: Encode) -> None:
    picture = make_picture(0, 64, 64)
    jpeg, png = (decode(encode(picture, suffix), (64, 64)) for suffix in (".jpg", ".png"))
    assert np.abs(jpeg.astype(int) - png).mean() < 2


def test_grey_images_get_three_equal_colours(make_picture: Picture) -> None:
    grey = cv2.cvtColor(make_picture(0, 24, 24), cv2.COLOR_RGB2GRAY)
    for suffix in (".jpg", ".png"):
        pixels = decode(cv2.imencode(suffix, grey)[1].tobytes(), (24, 24))
        assert pixels.shape == (24, 24, 3)
        assert (pixels == pixels[:, :, :1]).all()


@pytest.mark.parametrize(
    ("stored", "wanted", "decoded"),
    [
        pytest.param((256, 256), (224, 224), (256, 256), id="not halved when less than twice as large"),
        pytest.param((256, 256), (128, 128), (128, 128), id="halved to the very size"),
        pytest.param((256, 256), (100, 100), (128, 128), id="halved as far as it stays large enough"),
        pytest.param((256, 512), (60, 200), (128, 256), id="halved for both directions"),
        pytest.param((100, 100), (224, 224), (100, 100), id="never halved below the wanted size"),
    ],
)
def test_the_decoder_halves_only_what_is_at_least_twice_too_large(
    stored: Size, wanted: Size, decoded: Size, make_picture: Picture, encode: Encode
) -> None:
    data = encode(make_picture(0, *stored))
    assert decode(data, stored, wanted).shape[:2] == decoded


@pytest.mark.parametrize("wanted", [(128, 128), (112, 112), (60, 90)], ids=str)
def test_halving_in_the_decoder_gives_what_an_area_resize_of_the_whole_image_gives(
    wanted: Size, make_picture: Picture, encode: Encode
) -> None:
    for number in range(5):
        data = encode(make_picture(number, 256, 256))
        out = np.empty((*wanted, 3), np.uint8)
        fit(decode(data, (256, 256), wanted), out)
        whole = cv2.resize(decode(data, (256, 256)), wanted[::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(out.astype(int) - whole).mean() < 1.0
        assert np.abs(out.astype(int) - whole).max() < 16


def test_rows_come_in_the_order_asked_and_more_than_once(decoded: Decoded) -> None:
    alone = {row: read(decoded, row)[0] for row in (3, 7)}
    assert (read(decoded, 7, 3, 7) == np.stack([alone[7], alone[3], alone[7]])).all()


def test_a_view_of_row_numbers_and_one_of_a_table_are_the_same(snapshot: Snapshot) -> None:
    by_number = whole_images(snapshot, np.array([5, 2]))
    by_table = whole_images(snapshot, snapshot.index.take([5, 2]))
    assert by_number.digest == by_table.digest
    assert by_number.digest != whole_images(snapshot, np.array([2, 5])).digest


def test_a_view_of_nothing_is_refused(snapshot: Snapshot) -> None:
    with pytest.raises(WrongUse, match="The view shows nothing"):
        Decoded(snapshot, whole_images(snapshot, snapshot.index.slice(0, 0)), (8, 8))


def test_boxes_are_cut_out_with_their_margin_and_kept_inside_the_image(
    make_picture: Picture, encode: Encode, make_snapshot: MakeSnapshot
) -> None:
    picture = make_picture(0, 60, 80)
    boxes = [Box(category="car", x=10.0, y=20.0, w=20.0, h=10.0), Box(category="car", x=60.0, y=40.0, w=40.0, h=40.0)]
    snapshot = make_snapshot([(encode(picture, ".png"), known(60, 80), boxes)])
    view = box_crops(snapshot, snapshot.boxes, margin=0.1)
    assert view.cuts is not None
    assert view.cuts.tolist() == [[8, 19, 32, 31], [56, 36, 80, 60]]
    assert (read(Decoded(snapshot, view, (12, 24)), 0)[0] == picture[19:31, 8:32]).all()
    assert view.digest != box_crops(snapshot, snapshot.boxes).digest


def test_a_box_without_a_pixel_is_refused_by_its_row(
    make_picture: Picture, encode: Encode, make_snapshot: MakeSnapshot
) -> None:
    boxes = [Box(category="car", x=1, y=1, w=2, h=2), Box(category="car", x=90, y=1, w=5, h=5)]
    snapshot = make_snapshot([(encode(make_picture(0, 8, 8)), known(8, 8), boxes)])
    with pytest.raises(WrongUse, match=r"Row 1 of the boxes, in sample [0-9a-f]{12}, holds no pixel"):
        box_crops(snapshot, snapshot.boxes)


def huge_png(side: int) -> bytes:
    """A header that claims more pixels than any machine has memory for."""
    header = struct.pack(">II5B", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(header)) + b"IHDR" + header + bytes(200)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        pytest.param(lambda data: data[:-20], "Premature end of JPEG file", id="truncated"),
        pytest.param(lambda data: data[:3] + bytes(400), "JPEG", id="rubbish"),
        pytest.param(lambda _: huge_png(10**6), "it is 1000000 x 1000000 pixels, 16 x 16 expected", id="bomb"),
        pytest.param(lambda _: huge_png(16), "it is damaged or no image", id="empty PNG"),
    ],
)
def test_an_image_that_cannot_be_decoded_is_named_with_its_shard_and_offset(
    spoil: Callable[[bytes], bytes],
    reason: str,
    make_picture: Picture,
    encode: Encode,
    make_snapshot: MakeSnapshot,
) -> None:
    good, other = (encode(make_picture(number, 16, 16)) for number in range(2))
    snapshot = make_snapshot([(good, known(16, 16), ()), (spoil(other), known(16, 16), ())])
    lines: list[dict[str, Any]] = snapshot.index.to_pylist()
    row = next(row for row, line in enumerate(lines) if bytes(snapshot.image(*place(line))) != good)
    source = Decoded(snapshot, whole_images(snapshot, snapshot.index), (16, 16))
    assert read(source, 1 - row).shape == (1, 16, 16, 3)
    with pytest.raises(UnreadableImage) as raised:
        read(source, row)
    for part in (lines[row]["sample"], lines[row]["shard"], f"at offset {lines[row]['offset']}", reason):
        assert part in str(raised.value)
    assert "slipway data verify" in str(raised.value.mend)


def test_a_truncated_shard_is_told_with_the_sample_that_it_lacks(decoded: Decoded, snapshot: Snapshot) -> None:
    line = snapshot.index.slice(9, 1).to_pylist()[0]
    path = shard_path(snapshot.folder, line["shard"])
    path.write_bytes(path.read_bytes()[: line["offset"] + 10])
    with pytest.raises(UnreadableImage, match=f"sample {line['sample']} in shard .* is truncated"):
        read(decoded, 9)


def place(line: dict[str, Any]) -> tuple[str, int, int]:
    """Where an image's bytes are."""
    return line["shard"], line["offset"], line["length"]


def test_many_cuts_of_one_image_are_those_of_each_alone(
    make_picture: Picture, encode: Encode, make_snapshot: MakeSnapshot
) -> None:
    boxes = [Box(category="car", x=float(left), y=5.0, w=30.0, h=20.0) for left in (0, 20, 40)]
    items = [(encode(make_picture(number, 60, 80)), known(60, 80), boxes) for number in range(2)]
    snapshot = make_snapshot(items)
    source = Decoded(snapshot, box_crops(snapshot, snapshot.boxes), (16, 16))
    rows = (0, 1, 3, 4, 2, 5)
    assert (read(source, *rows) == np.concatenate([read(source, row) for row in rows])).all()


def test_cuts_that_follow_each_other_decode_their_image_once(
    make_picture: Picture, encode: Encode, make_snapshot: MakeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes = [Box(category="car", x=float(left), y=5.0, w=30.0, h=20.0) for left in (0, 20, 40)]
    snapshot = make_snapshot([(encode(make_picture(number, 60, 80)), known(60, 80), boxes) for number in range(2)])
    source = Decoded(snapshot, box_crops(snapshot, snapshot.boxes), (16, 16))
    offsets = []
    image = snapshot.image

    def watched(shard: str, offset: int, length: int) -> memoryview:
        offsets.append(offset)
        return image(shard, offset, length)

    monkeypatch.setattr(snapshot, "image", watched)
    read(source, *range(6))
    assert len(offsets) == 2
