"""Files of arrays: the same bytes for the same arrays, and nothing but plain numbers comes out of any file."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.serving.bundle import arrays
from slipway.serving.bundle.arrays import decoded, encoded, read_arrays, write_arrays
from slipway.serving.bundle.folder import BadBundle

ARRAYS: dict[str, np.ndarray[Any, np.dtype[Any]]] = {
    "in.images": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    "int8-cpu.logits": np.asfortranarray(np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3)),
    "fp16.scalar": np.array(0.5, np.float16),
    "fp32.none": np.zeros((0, 3), np.int64),
    "fp32.truths": np.array([True, False]),
}


def test_arrays_come_back_as_they_went_in(tmp_path: Path) -> None:
    write_arrays(tmp_path / "golden.npz", ARRAYS)
    found = read_arrays(tmp_path / "golden.npz")
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_anybody_can_read_the_file_with_numpy() -> None:
    with np.load(io.BytesIO(encoded(ARRAYS)), allow_pickle=False) as found:
        np.testing.assert_array_equal(found["in.images"], ARRAYS["in.images"])


def test_order_memory_layout_and_byte_order_do_not_change_the_bytes() -> None:
    other = {name: np.array(array, order="F") for name, array in reversed(ARRAYS.items())}
    other["fp32.none"] = other["fp32.none"].astype(">i8")
    assert encoded(other) == encoded(ARRAYS)


def saved(*, compressed: bool = False, **given: Any) -> bytes:
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **given)
    return buffer.getvalue()


def archive(**entries: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as written:
        for name, data in entries.items():
            written.writestr(name.replace("_npy", ".npy"), data)
    return buffer.getvalue()


def header(text: str, body: bytes = b"") -> bytes:
    line = text.encode()
    return b"\x93NUMPY\x01\x00" + len(line).to_bytes(2, "little") + line + body


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(saved(a=np.array([{"a": 1}], object)), "plain numbers", id="a pickle inside"),
        pytest.param(saved(a=np.zeros(2, [("x", "i4")])), "plain numbers", id="structures"),
        pytest.param(saved(a=np.array(["text"])), "plain numbers", id="text"),
        pytest.param(saved(compressed=True, a=np.zeros(1000)), "compressed", id="compressed"),
        pytest.param(b"", "no file of arrays", id="empty"),
        pytest.param(b"PK\x03\x04 and so on", "no file of arrays", id="cut"),
        pytest.param(encoded(ARRAYS)[:-30], "no file of arrays", id="without its end"),
        pytest.param(archive(other=b"text"), "which is no array", id="another file"),
        pytest.param(archive(a_npy=b"text"), "plain numbers", id="no array inside"),
        pytest.param(
            archive(a_npy=header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }\n")),
            "claims the shape",
            id="huge",
        ),
        pytest.param(
            archive(a_npy=header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }\n", bytes(8))),
            "plain numbers",
            id="negative",
        ),
        pytest.param(
            archive(a_npy=header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n", b"cos\nsystem\n.")),
            "plain numbers",
            id="an object",
        ),
        pytest.param(archive(a_npy=header("__import__('os').abort()\n")), "plain numbers", id="code"),
    ],
)
def test_anything_else_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(BadBundle, match=said):
        decoded(data, "golden.npz")


def test_a_list_of_very_many_files_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZipFile", lambda _: pytest.fail("it was opened"))
    with pytest.raises(BadBundle, match="more than 256 arrays"):
        decoded(b"PK\x01\x02" * 1000, "golden.npz")


def test_more_than_the_largest_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "LARGEST", 100)
    write_arrays(tmp_path / "golden.npz", ARRAYS)
    with pytest.raises(BadBundle, match="more than 100 bytes"):
        read_arrays(tmp_path / "golden.npz")


@pytest.mark.parametrize("array", [np.array([None]), np.array(["a"]), np.zeros(1, complex), np.zeros(1, np.longdouble)])
def test_only_plain_numbers_are_written(array: "np.ndarray[Any, np.dtype[Any]]") -> None:
    with pytest.raises(BadBundle, match="plain numbers"):
        encoded({"a": array})


@settings(max_examples=150)
@given(place=st.integers(0, len(encoded(ARRAYS)) - 1), byte=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_file_is_refused_or_gives_plain_numbers(place: int, byte: int, cut: bool) -> None:
    data = bytearray(encoded(ARRAYS))
    data[place] = byte
    try:
        found = decoded(bytes(data[:place] if cut else data), "golden.npz")
    except BadBundle:
        return
    assert all(array.dtype.kind in "biuf" for array in found.values())
