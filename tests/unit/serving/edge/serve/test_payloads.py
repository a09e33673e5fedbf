"""Bodies become arrays that fit the contract, answers become bodies, and nothing is guessed."""

import json
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
import pytest
import simplejpeg

import small_onnx
from slipway.serving.bundle.arrays import decoded, encoded
from slipway.serving.bundle.contract import Contract
from slipway.serving.edge.serve.payloads import ARRAYS, OCTETS, Intake, response, wanted
from slipway.serving.edge.serve.refusals import Refused, explained
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.libraries import LibraryMissing
from slipway.serving.runtime.live import Answer, LoadedModel
from slipway.serving.runtime.pictures import decode, prepare
from slipway.serving.runtime.session import Arrays, Provider

OTHER = Contract.model_validate(
    {
        "inputs": [
            {"name": "left", "dtype": "float32", "dims": ["batch", "wide"]},
            {"name": "right", "dtype": "int64", "dims": ["batch"]},
        ],
        "outputs": [{"name": "sum", "dims": ["batch"], "meaning": "A number."}],
        "dims": {"batch": {"most": 4}, "wide": {"most": 8}},
    }
)


class Unused:
    """A session of which nothing is asked."""

    providers: Sequence[Provider] = ("cpu",)

    def run(self, inputs: Arrays) -> NoReturn:
        raise AssertionError(inputs)

    def close(self) -> None:
        raise AssertionError


def intake(contract: Contract = small_onnx.CONTRACT, release: int | None = None) -> Intake:
    """Of a model with that contract."""
    return Intake(LoadedModel("small-bays", "b" * 64, release, "fp32", contract, Unused()), "bays")


def body(data: bytes) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """As it is received."""
    return np.frombuffer(data, np.uint8)


def changed(dims_: dict[str, Any] | None = None, /, **parts: Any) -> Contract:
    """The classifier's contract with another input, and other ranges."""
    plain = small_onnx.CONTRACT.model_dump(mode="json")
    plain["inputs"][0] |= parts
    plain["dims"] = plain["dims"] if dims_ is None else dims_
    return Contract.model_validate(plain)


def test_raw_bytes_are_the_array_itself_and_no_copy() -> None:
    given = body(small_onnx.images(3).tobytes())
    found = intake().tensor({}, given)["images"]
    assert found.tolist() == small_onnx.images(3).tolist()
    assert np.shares_memory(found, given)


def test_sizes_may_be_said() -> None:
    given = body(small_onnx.images(2).tobytes())
    for said in ("2,3,4,4", "[2, 3, 4, 4]"):
        assert intake().tensor({"x-tensor-shape": said}, given)["images"].shape == (2, 3, 4, 4)


@pytest.mark.parametrize(
    ("headers", "size", "said"),
    [
        ({}, 47, r"47 bytes; `images` is uint8 \[batch, 3, 4, 4\]"),
        ({"x-tensor-shape": "2,3,4,4"}, 48, "is not 48 bytes"),
        ({"x-tensor-shape": "1,3,4,four"}, 48, "expected sizes such as"),
        ({"x-tensor-dtype": "float32"}, 48, "the contract says uint8"),
    ],
)
def test_bytes_that_are_not_such_an_array_are_refused(headers: dict[str, str], size: int, said: str) -> None:
    with pytest.raises(WrongUse, match=said):
        intake().tensor(headers, body(bytes(size)))


def test_where_two_sizes_vary_they_must_be_said() -> None:
    taken = intake(changed({"batch": {}, "high": {}}, dims=["batch", 3, "high", 4]))
    with pytest.raises(WrongUse) as refused:
        taken.tensor({}, body(bytes(96)))
    assert "X-Tensor-Shape" in str(refused.value.mend)
    assert taken.tensor({"x-tensor-shape": "1,3,8,4"}, body(bytes(96)))["images"].shape == (1, 3, 8, 4)


def test_a_body_has_at_most_the_bytes_of_the_greatest_batch() -> None:
    assert intake().most(OCTETS) == 4 * 48
    both = intake(OTHER)
    arrays: Arrays = {"left": np.ones((4, 8), np.float32), "right": np.ones(4, np.int64)}
    assert len(encoded(arrays)) <= both.most(ARRAYS) < 16_384


def test_several_inputs_come_as_a_file_of_arrays() -> None:
    both = intake(OTHER)
    arrays: Arrays = {"left": np.ones((2, 8), np.float32), "right": np.arange(2)}
    assert both.kind({"content-type": ARRAYS}) == ARRAYS
    assert both.read(ARRAYS, {}, body(encoded(arrays)))["right"].tolist() == [0, 1]
    with pytest.raises(Refused, match="x-npz") as refused:
        both.kind({"content-type": OCTETS})
    assert refused.value.status == 415
    with pytest.raises(WrongUse, match="no file of arrays"):
        both.read(ARRAYS, {}, body(b"PK, or so"))


def test_a_picture_is_prepared_as_the_contract_says() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    data = simplejpeg.encode_jpeg(image)
    contract = changed(preprocessing={"resize": "letterbox", "colour": "bgr"})
    found = intake(contract).read("image/jpeg", {}, body(data))["images"]
    one = contract.inputs[0]
    assert found.tolist() == [prepare(decode(data, one), one).tolist()]


def test_a_box_of_a_picture_is_cut_out_where_the_contract_asks_for_boxes() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[10:30, 20:40] = 200
    data = simplejpeg.encode_jpeg(image, quality=100)
    boxes = changed(preprocessing={"crop": "box"})
    found = intake(boxes).read("image/jpeg", {"x-box": "22, 12, 38, 28"}, body(data))["images"]
    assert np.abs(found.astype(int) - 200).max() < 8
    with pytest.raises(WrongUse, match="whole pictures"):
        intake().read("image/jpeg", {"x-box": "22,12,38,28"}, body(data))
    with pytest.raises(WrongUse, match="left,top,right,bottom"):
        intake(boxes).read("image/jpeg", {"x-box": "22,12,38"}, body(data))


def test_a_picture_where_none_can_be_decoded_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    with pytest.raises(LibraryMissing) as missing:
        intake().read("image/jpeg", {}, body(b"\xff\xd8\xff"))
    refused = explained(missing.value)
    assert refused.status == 415
    assert "slipway-serving[camera]" in str(refused.mend)


def test_what_is_no_picture_to_a_model_is_not_taken() -> None:
    assert intake().kind({"content-type": "Image/JPEG; q=1"}) == "image/jpeg"
    for kind in ("image/jpeg", "application/x-www-form-urlencoded", ""):
        with pytest.raises(Refused) as refused:
            intake(changed(dims=["batch", 48])).kind({"content-type": kind})
        assert refused.value.status == 415
        assert "application/octet-stream" in str(refused.value.mend)


@pytest.mark.parametrize(
    ("accept", "outputs", "expected"),
    [
        (None, 1, OCTETS),
        (None, 2, ARRAYS),
        ("*/*", 1, OCTETS),
        ("text/html, application/json;q=0.9, */*", 1, "application/json"),
        (ARRAYS, 1, ARRAYS),
    ],
)
def test_the_caller_chooses_the_form_of_the_answer(accept: str | None, outputs: int, expected: str) -> None:
    assert wanted(accept, outputs) == expected


@pytest.mark.parametrize(("accept", "outputs"), [("text/html", 1), (OCTETS, 2)])
def test_a_form_that_there_is_not_is_refused(accept: str, outputs: int) -> None:
    with pytest.raises(Refused, match="no answer as") as refused:
        wanted(accept, outputs)
    assert refused.value.status == 406


def test_an_answer_names_who_gave_it_even_if_another_was_exchanged_in() -> None:
    numbers = np.array([[1.5, np.nan]], np.float32)
    answer = Answer({"logits": numbers}, "c" * 64, 7, "int8-cpu")
    raw = response(answer, intake(release=6), OCTETS)
    assert bytes(raw.body) == numbers.tobytes()
    for line in ("Bundle: " + "c" * 64, "Release: 7", "Variant: int8-cpu", "Model: small-bays"):
        assert f"X-Slipway-{line}\r\n" in raw.headers
    assert "X-Tensor-Shape: 1,2\r\nX-Tensor-Dtype: float32\r\n" in raw.headers
    assert decoded(bytes(response(answer, intake(), ARRAYS).body), "it")["logits"].tobytes() == numbers.tobytes()
    told = json.loads(bytes(response(answer, intake(), "application/json").body))
    assert told["outputs"]["logits"] == {"dtype": "float32", "shape": [1, 2], "values": [[1.5, None]]}
    assert (told["release"], told["variant"]) == (7, "int8-cpu")
