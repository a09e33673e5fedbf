"""Reading a model.yaml: what it gives, and how slips are told."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from slipway.platform.data.view import View
from slipway.platform.models.reading import BadDeclaration, read_declaration

Write = Callable[..., Path]


def test_a_declaration_gives_typed_values(declared: Write) -> None:
    found = read_declaration(declared())
    assert found.risk.level == "limited"
    assert found.data.view == View.of({"camera": ["exit", "gate"]})
    assert found.variants == ("int8-cpu", "fp32")
    assert found.gates.floors[1].slice == "night"
    assert found.export.inputs[0].dtype == "uint8"


def test_the_word_on_is_a_word_and_no_truth(declared: Write) -> None:
    assert read_declaration(declared()).retrain.on == ("data", "schedule")


def test_a_declaration_does_not_change(declared: Write) -> None:
    found = read_declaration(declared())
    with pytest.raises(ValidationError, match="frozen"):
        found.owner = "eve"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("old", "new", "line", "said", "mend"),
    [
        ("owner: ada", "ownr: ada", 2, "`ownr` is unknown", "`owner`"),
        ("least: 0.7", "leest: 0.7", 29, "`gates.worst_slice.0.leest` is unknown", "`least`"),
        ("latency_ms", "latency", 21, "`devices.edge-cpu.latency` is unknown", "`latency_ms`"),
        ("class: limited", "class: limted", 6, "`risk.class` is `limted`", "`limited`"),
        ("[int8-cpu, fp32]", "[int8_cpu, fp32]", 20, "is `int8_cpu`", "`int8-cpu`"),
        ("latency_ms: 20", "latency_ms: 0", 21, "greater than 0", None),
        ("latency_ms: 20", "latency_ms: soon", 21, "`soon`", None),
        ("latency_ms: 20", "latency_ms: .nan", 21, "finite", None),
        ("name: gate-plates", "name: Gate Plates", 1, "A name is", None),
        ('"0 3 * * 1"', '"0 25 * * 1"', 14, "`25` is no hour", None),
        ('"0 3 * * 1"', '"0 3 * *"', 14, "five fields of cron", None),
        ("on: [data, schedule]", "on: [data]", 12, "exactly when", None),
        (", column: light", "", 27, "both `column` and `slice`", None),
        ("least: 0.9}", "least: 0.9, most: 1}", 26, "either `least` or `most`", None),
        ("labels: [free, taken]", "labels: [free]", 34, "1 labels for 2 places", None),
        ("dims: [batch, 2]", "dims: [many, 2]", 30, "`many` varies", None),
        ("usual: 4", "usual: 40", 36, "`least` <= `usual` <= `most`", None),
        ("[int8-cpu, fp32]", "[int8-trt]", 19, "`int8-trt` is for the runtime `tensorrt`", None),
        ("camera: [gate, exit]", "camera: [gate, exit]\n  tables: [boxs]", 15, "no table `boxs`", None),
        ("    size_mb: 4\n", "", 19, "`devices.edge-cpu.size_mb` is missing", None),
        ("owner: ada", "owner: ada\nowner: eve", 3, "stands there twice", "Keep one"),
        ("owner: ada", "owner: &a ada\nteams: *a", 2, "anchors", None),
        ("owner: ada", "owner: [ada", 3, "no YAML", None),
    ],
)  # fmt: skip
def test_a_slip_is_told_with_its_line_and_the_nearest_name(
    declared: Write, old: str, new: str, line: int, said: str, mend: str | None
) -> None:
    path = declared(old, new)
    with pytest.raises(BadDeclaration) as caught:
        read_declaration(path)
    assert f"{path}:{line}:" in str(caught.value)
    assert said in str(caught.value)
    assert mend is None or mend in (caught.value.mend or "")


def test_all_slips_are_told_at_once(tmp_path: Path, declared: Write) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(declared("owner: ada", "ownr: ada").read_text().replace("team: perception", "team: [x]"))
    with pytest.raises(BadDeclaration) as caught:
        read_declaration(path)
    assert [name in str(caught.value) for name in ("`ownr`", "`owner` is missing", "`team`")] == [True] * 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"- name: x\n", "names with values"),
        (b"\xff\xfe", "UTF-8"),
        (b"name: x\n" * 100_000, "bytes"),
        (b"!!python/object/apply:os.system [ls]\n", "no YAML"),
    ],
)
def test_what_is_no_declaration_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "model.yaml"
    path.write_bytes(content)
    with pytest.raises(BadDeclaration, match=said):
        read_declaration(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadDeclaration, match="does not exist"):
        read_declaration(tmp_path / "model.yaml")
