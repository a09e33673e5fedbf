"""A site's thresholds in place of a contract's, and areas in shares of pictures of any size."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from slipway.serving.bundle.folder import Bundle
from slipway.serving.channel.site import Configured, SiteConfig, SitePointer
from slipway.serving.edge.agent.clock import SystemClock
from slipway.serving.edge.configuration import Enrolment, Home
from slipway.serving.edge.fleet.site import FILE, SiteFollowing, Sites
from slipway.serving.edge.streams.areas import Areas, between, holding
from slipway.serving.edge.streams.rules import Rules, with_thresholds
from slipway.serving.edge.streams.running import Lives
from slipway.serving.runtime.live_model import LiveModel
from small_onnx import detecting
from stream_site import Kept, run

MODEL = "small-detect"


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, (0.6, 0.6, 0.6)),
        ({"colour": 0.7}, (0.7, 0.7, 0.7)),
        ({"red": 0.9}, (0.9, 0.6, 0.6)),
        ({"red": 0.9, "colour": 0.2}, (0.9, 0.2, 0.2)),
        ({"purple": 0.1}, (0.6, 0.6, 0.6)),
    ],
)
def test_thresholds_take_the_place_of_those_that_a_contract_has(
    bundles: Mapping[str, Bundle], own: dict[str, float], expected: tuple[float, ...]
) -> None:
    found = with_thresholds(bundles["detect"].manifest.contract, own).thresholds
    assert tuple(found[name] for name in ("red", "green", "blue")) == expected
    assert "purple" not in found
    assert bundles["detect"].manifest.contract.thresholds == {"colour": 0.6}


def test_a_name_that_a_model_does_not_have_is_told(bundles: Mapping[str, Bundle]) -> None:
    loaded = detecting.loaded(bundles["detect"])
    rules = Rules("north", 3, "a" * 64, {MODEL: {"score": 0.4, "red": 0.2}, "other": {"x": 0.1}})
    assert rules.unknown(loaded) == ["score"]
    assert rules.judging(loaded).contract.thresholds["red"] == 0.2
    assert rules.judging(loaded).session is loaded.session
    other = detecting.loaded(bundles["embed"])
    assert rules.judging(other) is other


def test_thresholds_that_no_model_here_has_are_told(tmp_path: Path, bundles: Mapping[str, Bundle]) -> None:
    home, now = Home(tmp_path / "device"), datetime.now(UTC)
    home.make()
    device = Enrolment(
        id="gate-1", device_class="edge-cpu", channel="/c", models=(MODEL,), enrolled_at=now, site="north",
        public_key="0" * 64, root="0" * 64,
    )  # fmt: skip
    config = SiteConfig(thresholds={MODEL: {"score": 0.4, "red": 0.2}, "other": {"x": 0.1}})
    pointer = SitePointer(site="north", sequence=1, signed_at=now, base=Configured(number=7, config=config))
    home.write(FILE, pointer.model_dump_json().encode())
    site = SiteFollowing(home, device, cast("Sites", None), SystemClock())
    site.check([detecting.loaded(bundles["detect"]), detecting.loaded(bundles["embed"])])
    assert site.unknown == "small-detect has no threshold score"
    site.check([])
    assert site.unknown == ""


def test_streams_decide_by_them_from_one_frame_to_the_next_and_events_say_so(
    kept: Kept, folder: Path, live: Callable[..., LiveModel]
) -> None:
    rules = [Rules("north", 1, "a" * 64), Rules("north", 2, "b" * 64, {MODEL: {"red": 0.99}})]
    run(kept, [f"gate={folder}"], Lives(live("detect"), live("embed")), rules=lambda: rules[0])
    run(kept, [f"gate={folder}"], Lives(live("detect"), live("embed")), rules=lambda: rules[1])
    told = [(one["site"]["configuration"], {box["category"] for box in one["boxes"]}) for one in kept.events("boxes")]
    assert told == [(1, {"red"}), (1, {"blue", "green"}), (2, {"blue", "green"})]
    assert kept.events("boxes")[0]["site"] == {"name": "north", "configuration": 1, "digest": "aaaaaaaa"}
    assert {one.rules.number for one in kept.decisions} == {1, 2}


def test_shares_are_of_each_picture_and_corners_in_any_order() -> None:
    areas = between({"lane": ((1.0, 0.5), (0.25, 0.0))})
    for height, width in ((100, 200), (48, 64)):
        assert areas.of(np.zeros((height, width, 3), np.uint8)) == {"lane": (width / 4, 0, width, height / 2)}
    assert Areas({"a": (1, 2, 3, 4)}).of(np.zeros((9, 9, 3), np.uint8)) == {"a": (1, 2, 3, 4)}
    assert holding({"a": (0, 0, 10, 10), "b": (10, 0, 20, 10)}, (8, 0, 12, 4)) == ["b"]
