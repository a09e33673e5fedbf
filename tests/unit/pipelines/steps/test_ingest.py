"""The step `ingest`: what it says of many deliveries, and that one bad day keeps no other out."""

import io
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image as Picture

from slipway.pipelines.steps.ingest import IngestStep
from slipway.pipelines.steps.site import Site
from slipway.pipelines.steps.step import Ask, How, Told
from slipway.platform.data.rows import Image
from slipway.platform.data.writer import SnapshotWriter

STEP = IngestStep(now=lambda: datetime(2026, 11, 29, 12, tzinfo=UTC))
MODEL = "bay-occupancy"


def day(folder: Path, first: int, count: int = 4) -> None:
    with SnapshotWriter(folder) as writer:
        for number in range(first, first + count):
            buffer = io.BytesIO()
            Picture.new("RGB", (8, 8), (number, 2 * number, 90)).save(buffer, "PNG")
            writer.add(buffer.getvalue(), Image(width=8, height=8, split="train", source=f"{number}.png"))
        writer.finish([], "CC0-1.0")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A project in git without any data, and a place for deliveries."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "slipway.toml").write_text("")
    (tmp_path / "deliveries").mkdir()
    names = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    for command in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "begin")):
        subprocess.run(["git", *names, *command], cwd=root, check=True)
    environ = {"HOME": str(tmp_path), "SLIPWAY_DATA__DELIVERIES": str(tmp_path / "deliveries")}
    return Site.at(root, {"PATH": os.environ["PATH"], **environ})


def done(site: Site, snapshot: str | None = None) -> Told:
    return STEP.do(site, Ask(model=MODEL, snapshot=snapshot), {}, lambda _: None)


def test_days_are_taken_one_by_one_and_a_bad_one_keeps_no_other_out(site: Site, tmp_path: Path) -> None:
    place = tmp_path / "deliveries"
    day(place / "harbour-27", 0)
    day(place / "harbour-28", 10)
    day(place / "mill-28", 20)
    (place / "half").mkdir()
    next((place / "harbour-28" / "shards").iterdir()).write_bytes(b"")
    told = done(site)
    assert told.how is How.REFUSED
    assert told.line.startswith("harbour-28 refused: ")
    assert "harbour-27: 4 new images; mill-28: 4 new images; half not complete yet; snapshot " in told.line
    assert told.mend == "Have it delivered again; nothing of it was taken."
    (place / "half").rmdir()
    day(tmp_path / "whole", 10)
    (tmp_path / "whole").rename(tmp_path / "moved")
    (place / "harbour-28").rename(tmp_path / "bad")
    (tmp_path / "moved").rename(place / "harbour-28")
    again = done(site)
    assert again.how is How.DONE
    assert "harbour-28: 4 new images; 2 days were there already" in again.line
    assert done(site).how is How.FOUND
    assert STEP.look(site, Ask(model=MODEL), {}).line == "nothing new: 3 deliveries, all of them taken"


def test_looking_says_which_days_wait(site: Site, tmp_path: Path) -> None:
    place = tmp_path / "deliveries"
    looked = STEP.look(site, Ask(model=MODEL), {})
    assert (looked.how, looked.line) == (How.SKIPPED, f"nothing to ingest: no delivery waits in {place}")
    assert done(site) == looked
    place.rename(tmp_path / "elsewhere")
    gone = done(site)
    assert gone.line == f"nothing to ingest: {place} does not exist"
    assert "SLIPWAY_DATA__DELIVERIES" in gone.mend
    place.mkdir()
    for number in range(5):
        day(tmp_path / "deliveries" / f"day-{number}", 10 * number, 1)
    told = STEP.look(site, Ask(model=MODEL), {})
    assert (told.how, told.line) == (How.TO_DO, "5 days wait: day-0, day-1, day-2 and 2 more")


def test_one_delivery_can_be_named(site: Site, tmp_path: Path) -> None:
    day(tmp_path / "elsewhere", 0)
    told = done(site, str(tmp_path / "elsewhere"))
    assert told.how is How.DONE
    assert len(told.values["snapshot"]) == 64


def test_without_a_place_for_deliveries_there_is_nothing_to_do(site: Site, tmp_path: Path) -> None:
    bare = Site.at(site.root, {"HOME": str(tmp_path), "PATH": os.environ["PATH"]})
    told = done(bare)
    assert told.how is How.SKIPPED
    assert "SLIPWAY_DATA__DELIVERIES" in told.mend
    assert STEP.look(bare, Ask(model=MODEL), {}).how is How.SKIPPED
