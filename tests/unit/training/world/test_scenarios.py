"""Each planted scenario holds its fault, and its clean twin differs in nothing else."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import simplejpeg

from slipway.platform.data.snapshot import Snapshot
from slipway.training.world.faults import DAMAGE
from slipway.training.world.scenarios import CLOCK_SKEW, NEW_CAMERA, RARE_TYPE, SKEWED_CAMERA, scenarios
from slipway.training.world.sessions import plan

ShortRender = Callable[[str], Snapshot]
FAULTS = ("night-shift", "new-camera", "label-noise", "rare-type", "clock-skew", "corrupt")


def test_every_fault_has_its_scenario_and_twin_of_the_same_seed() -> None:
    known = scenarios()
    assert {one.fault for one in known.values() if one.fault} == set(FAULTS)
    for fault in FAULTS:
        twin = known[f"{fault}-clean"]
        assert twin.fault is None
        assert twin.seed == known[fault].seed


def test_a_clock_is_ahead_and_nothing_else_differs(short_render: ShortRender) -> None:
    planted, clean = rows(short_render("clock-skew")), rows(short_render("clock-skew-clean"))
    assert planted.keys() == clean.keys()
    for sample, row in planted.items():
        skewed = f"{row['site']}/{row['camera']}" == SKEWED_CAMERA
        assert row["time"] - clean[sample]["time"] == pytest.approx(CLOCK_SKEW if skewed else 0.0)
        assert without(row, "time") == without(clean[sample], "time")
    assert boxes(short_render("clock-skew")) == boxes(short_render("clock-skew-clean"))


def test_a_new_camera_adds_its_pictures_and_changes_no_others(short_render: ShortRender) -> None:
    planted, clean = rows(short_render("new-camera")), rows(short_render("new-camera-clean"))
    added = planted.keys() - clean.keys()
    assert added
    assert clean.keys() < planted.keys()
    assert {f"{planted[sample]['site']}/{planted[sample]['camera']}" for sample in added} == {NEW_CAMERA}


def test_noisy_labels_are_on_the_same_pictures_and_every_one_is_told(short_render: ShortRender) -> None:
    planted, clean = short_render("label-noise"), short_render("label-noise-clean")
    assert rows(planted).keys() == rows(clean).keys()
    labels, truth = boxes(planted), boxes(clean)
    changed = {sample for sample in labels if labels[sample] != truth[sample]}
    assert changed == set(told(planted))
    wrong = sum(one != other for sample in labels for one, other in zip(labels[sample], truth[sample], strict=True))
    assert 0.05 < wrong / sum(map(len, labels.values())) < 0.22


def test_damage_of_every_kind_is_there_and_told(short_render: ShortRender) -> None:
    planted, clean = short_render("corrupt"), short_render("corrupt-clean")
    found = told(planted)
    assert set(found.values()) == set(DAMAGE)
    untouched = rows(planted).keys() - found.keys()
    assert untouched <= rows(clean).keys()
    for sample, row in rows(planted).items():
        broken = found.get(sample) in {"truncated", "undecodable"}
        assert decodes(planted, row) != broken, found.get(sample)


def test_a_copy_has_the_same_pixels_in_another_split(short_render: ShortRender) -> None:
    planted = short_render("corrupt")
    by_source = {row["source"]: row for row in rows(planted).values()}
    copies = [row for source, row in by_source.items() if source.startswith("copies/")]
    assert copies
    for copy in copies:
        original = by_source[copy["source"].removeprefix("copies/")]
        assert copy["split"] != original["split"]
        assert copy["sample"] != original["sample"]
        assert (pixels(planted, copy) == pixels(planted, original)).all()


def test_a_night_shift_works_mostly_at_night() -> None:
    known = scenarios()
    lights = {name: [one.light.name for one in plan(known[name])] for name in ("night-shift", "night-shift-clean")}
    assert lights["night-shift"].count("night") == 3 * lights["night-shift-clean"].count("night")
    visitors = [[one.vehicles for one in plan(known[name])] for name in lights]
    assert visitors[0] == visitors[1]


def test_a_rare_type_is_one_vehicle_and_the_others_are_the_same_individuals() -> None:
    known = scenarios()
    planted, clean = plan(known["rare-type"]), plan(known["rare-type-clean"])
    rare = {one.identity for session in planted for one in session.vehicles if one.body == RARE_TYPE}
    usual = {one.identity for session in clean for one in session.vehicles if one.body == RARE_TYPE}
    assert len(rare) <= 1 < len(usual)
    for session, twin in zip(planted, clean, strict=True):
        assert [one.plate for one in session.vehicles] == [one.plate for one in twin.vehicles]


@pytest.mark.parametrize("name", ["night-shift", "rare-type"])
def test_a_scenario_that_is_planted_in_its_plan_renders(name: str, short_render: ShortRender) -> None:
    assert short_render(name).manifest.counts["images"] > 50


def rows(snapshot: Snapshot) -> Mapping[str, dict[str, Any]]:
    return {row["sample"]: without(row, "shard", "offset") for row in snapshot.index.to_pylist()} | {}


def without(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def boxes(snapshot: Snapshot) -> dict[str, list[tuple[Any, ...]]]:
    """Labels by sample, in an order that a wrong one does not change."""
    found: dict[str, list[tuple[Any, ...]]] = {row["sample"]: [] for row in snapshot.index.to_pylist()}
    for box in snapshot.boxes.to_pylist():
        found[box["sample"]].append((box["x"], box["y"], box["w"], box["h"], box["category"], box["identity"]))
    return {sample: sorted(labels, key=lambda label: label[:4]) for sample, labels in found.items()}


def told(snapshot: Snapshot) -> dict[str, str]:
    """What the provenance says was planted."""
    (origin,) = snapshot.manifest.provenance
    planted: dict[str, str] = json.loads(str(origin.detail["planted"]))
    return planted


def pixels(snapshot: Snapshot, row: Mapping[str, Any]) -> Any:
    place = next(one for one in snapshot.index.to_pylist() if one["sample"] == row["sample"])
    return simplejpeg.decode_jpeg(bytes(snapshot.image(place["shard"], place["offset"], place["length"])))


def decodes(snapshot: Snapshot, row: Mapping[str, Any]) -> bool:
    try:
        return bool(pixels(snapshot, row).any())
    except ValueError:
        return False
