"""Labelling tasks: opened once, counted in a snapshot, pictures of devices among them."""

import hashlib
import json
import sqlite3
from datetime import UTC, datetime
from typing import Any

import pytest

from commanding import Run
from label_site import picture
from slipway.pipelines.labelling.bringing import bring, word_of
from slipway.pipelines.labelling.devices import fresh_of, shots
from slipway.pipelines.labelling.gathering import Asked, to_label
from slipway.pipelines.labelling.opening import open_task, snapshot_of
from slipway.pipelines.labelling.standing import standing
from slipway.pipelines.labelling.task import Wanted, load_task, tasks
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.splits import day_group, split_of
from slipway.platform.errors import WrongUse

Bays = Any
AT = datetime(2026, 11, 29, 12, tzinfo=UTC)
SAID = {"stream": "aisle", "answer": "occupied", "score": 0.4}


def opened(bays: Bays, wanted: Wanted, cause: str = "drift 2026-11-29", **more: Any) -> Any:
    return open_task(bays.site, model="bay-occupancy", cause=cause, why="Night.", wanted=wanted, by="flows", **more)


def test_the_same_cause_and_rows_are_one_task_whoever_asks(committed: Bays) -> None:
    wanted = Wanted(where="label_state = auto and light = day", count=3)
    dry = opened(committed, wanted, dry_run=True)
    assert (dry.new, tasks(committed.site.store)) == (True, [])
    first = opened(committed, wanted, at=AT)
    later = opened(committed, Wanted(where="label_state = auto and light = day", count=3, pictures=("new",)))
    assert (first.new, later.new) == (True, False)
    assert later.task == first.task
    assert opened(committed, wanted, cause="drift 2026-12-01").task.id != first.task.id
    assert load_task(committed.site.store, first.task.id[:6]) == first.task
    with pytest.raises(WrongUse, match="No labelling task begins"):
        load_task(committed.site.store, "0000")


def test_missing_labels_are_counted_in_the_snapshot(committed: Bays) -> None:
    site = committed.site
    at_night = opened(committed, Wanted(where="light = night", count=2)).task
    by_day = opened(committed, Wanted(where="light = day", count=2), cause="by day").task
    samples = sorted(str(one) for one in committed.data.index["sample"].to_pylist())
    named = opened(committed, Wanted(samples=tuple(samples[:3])), cause="these").task
    base = snapshot_of(site)
    assert [standing(one, base).missing for one in (at_night, by_day, named)] == [2, 2, 3]
    assert standing(named, None).missing == 3
    words = [word_of(sample, "free", (80, 60), "ada") for sample in samples[:2]]
    brought = bring(site, words, at=AT, by="flows")
    assert brought.changed == 2
    branch = snapshot_of(site, site.loaded.settings.data.branch)
    assert [standing(one, branch).missing for one in (at_night, by_day, named)] == [2, 0, 1]
    assert bring(site, words, at=AT, by="flows").changed == 0
    bring(site, [word_of(samples[0], "free", (80, 60), "ben")], at=AT, by="flows", asked="reviewed")
    now = standing(named, snapshot_of(site, site.loaded.settings.data.branch))
    assert (now.labelled, now.reviewed, now.disputed) == (2, 1, 0)


def test_pictures_of_devices_wait_are_given_and_become_rows(committed: Bays, run: Run) -> None:
    decisions = committed.send(SAID, SAID, {"stream": "aisle"})
    code, _, err = run("data", "label", "list")
    assert (code, "3 pictures of devices wait in no task" in err) == (0, True)
    code, out, _ = run("data", "label", "open", "bay-occupancy", "--devices", "--json")
    task = json.loads(out)
    assert (code, task["missing"], task["wanted"]["pictures"], task["new"]) == (0, 3, sorted(decisions), True)
    assert "No pictures of devices" in run("data", "label", "open", "bay-occupancy", "--devices")[2]
    folder = committed.root / "out"
    name = task["id"][:8]
    code, out, _ = run("data", "label", "export", "--to", "cvat", "--task", name, str(folder), "--json")
    given = json.loads(out)
    assert (code, given["images"], given["states"]) == (0, 3, {"auto": 2, "unlabelled": 1})
    sent = {hashlib.sha256(path.read_bytes()).hexdigest() == path.stem for path in (folder / "images").iterdir()}
    assert sent == {True}
    before = committed.data.index.num_rows
    arguments = (
        "data",
        "label",
        "import",
        str(folder),
        "--from",
        "cvat",
        "--author",
        "ada",
        "--light",
        "night",
        "--json",
    )
    code, out, err = run(*arguments)
    assert code == 0, err
    assert (json.loads(out)["rows"], json.loads(out)["silent"]) == (2, 1)
    rows = [row for row in committed.data.index.to_pylist() if row["source"].startswith("devices/")]
    assert committed.data.index.num_rows == before + 2
    row = min(rows, key=lambda one: str(one["source"]))
    assert (row["site"], row["camera"], row["day"], row["light"]) == ("harbour", "aisle", "2026-11-29", "night")
    assert (row["label_state"], row["legal_basis"], row["slice_view"]) == ("human", "contract", "bay")
    extra = json.loads(row["extra"])
    assert extra["device"] == {
        "device": "gate-1", "decision": min(decisions), "model": "bay-occupancy", "release": 3,
        "bundle": "0a722281", "at": "2026-11-29T04:00:00Z", "why": "low confidence", "confidence": 0.4, "novelty": 1.0,
    }  # fmt: skip
    assert [one["author"] for one in extra["labels"]] == ["bay-occupancy/3", "ada"]
    assert json.loads(run(*arguments)[1])["rows"] == 0
    assert run("data", "commit")[0] == 0
    shown = json.loads(run("data", "label", "show", name, "--json")[1])
    assert (shown["labelled"], shown["missing"]) == (2, 1)
    assert shown["pictures"] == {"rows": 2, "kept": 1, "gone": 0}
    code, out, _ = run("data", "label", "list")
    assert out.splitlines()[1].split()[-4:] == ["3", "2", "0", "1"]


def test_pictures_that_are_kept_no_more_are_told_where_they_are_shown_and_given(committed: Bays, run: Run) -> None:
    decisions = committed.send(SAID, SAID)
    task = opened(committed, Wanted(pictures=(*decisions, "gate-9.20260101T000000Z.0a722281.abcdef"))).task
    code, out, err = run("data", "label", "show", task.short)
    assert (code, "3 pictures of devices: 0 in the snapshot, 2 kept, 1 gone" in out) == (0, True)
    gone = "1 of 3 pictures of devices is kept no more"
    assert gone in err
    export = ("data", "label", "export", "--to", "coco", "--task", task.short, str(committed.root / "out"))
    code, out, err = run(*export)
    assert (code, gone in err) == (0, True)
    assert gone in run(*export, "--force", "--state", "human")[2]


def test_a_picture_that_two_devices_sent_is_given_once(committed: Bays) -> None:
    wanted = Wanted(pictures=(*committed.send(SAID), *committed.send(SAID, device="gate-2")))
    task = opened(committed, wanted).task
    given = to_label(committed.site.loaded, committed.data, Asked(task=task))
    assert len(wanted.pictures) == 2
    assert [one.sample for one in given] == [hashlib.sha256(given[0].data()).hexdigest()]
    words = [word_of(given[0].sample, "free", (80, 60), "ada")]
    assert bring(committed.site, words, at=AT, by="flows").changed == 1
    branch = snapshot_of(committed.site, committed.site.loaded.settings.data.branch)
    assert to_label(committed.site.loaded, branch, Asked(task=task)) == []


def test_an_annotator_without_a_work_tree_brings_what_the_queue_gives(committed: Bays) -> None:
    site = committed.site
    decisions = committed.send(SAID, SAID)
    task = opened(committed, Wanted(pictures=tuple(decisions))).task
    given = to_label(site.loaded, snapshot_of(site), Asked(task=task))
    assert [one.marks[0].category for one in given] == ["occupied", "occupied"]
    assert {one.sample for one in given} == {hashlib.sha256(bytes(one.data())).hexdigest() for one in given}
    words = [word_of(one.sample, "free", (one.width, one.height), "dora") for one in given]
    data = committed.data.digest
    brought = bring(site, words, at=AT, by="flows", message="Labels: two bays")
    assert (brought.changed, brought.relabelled.counts) == (2, {"labelled": 2})
    assert committed.data.digest == data  # the work tree is as it was
    assert committed.git("log", "-1", "--format=%s %an", site.loaded.settings.data.branch) == "Labels: two bays flows"
    after = snapshot_of(site, brought.digest)
    assert after is not None
    assert after.index.num_rows == 6
    assert standing(task, after).missing == 0
    assert to_label(site.loaded, after, Asked(task=task)) == []
    assert bring(site, words, at=AT, by="flows").digest == brought.digest
    with pytest.raises(WrongUse, match="no image of the snapshot"):
        bring(site, [word_of("f" * 64, "free", (80, 60), "dora")], at=AT, by="flows")


def test_what_a_device_sends_is_not_believed(committed: Bays) -> None:
    wild = [[-9.0, 5.0, 30.0, 999.0, "car", 0.5], [90.0, 5.0, 95.0, 9.0, "car", 0.5], [9.0, 9.0, 9.0, 20.0, "car", 0.5]]
    decisions = committed.send({"stream": "aisle", "boxes": wild}, {})
    loaded = committed.site.loaded
    database = loaded.root / ".slipway/fleet.db"
    with sqlite3.connect(database) as connection:
        connection.execute("update samples set picture = ? where decision = ?", (b"\xff\xd8\xffhalf", decisions[1]))
    connection.close()
    (shot,) = shots(loaded, decisions)
    boxes = fresh_of(shot, None).boxes
    assert [(one.x, one.y, one.w, one.h) for one in boxes] == [(0.0, 5.0, 30.0, 55.0)]


def test_files_come_in_on_the_branch_too(committed: Bays, run: Run) -> None:
    task = opened(committed, Wanted(pictures=tuple(committed.send(SAID, SAID)))).task
    out = str(committed.root / "out")
    for author in ("ben", "cleo"):
        assert run("data", "label", "export", "--to", "cvat", "--task", task.short, out, "--blind", "--force")[0] == 0
        file = committed.root / "out/annotations.xml"
        assert "<tag" not in file.read_text()
        file.write_text(
            file.read_text()
            .replace("</image>", "")
            .replace('height="60" />', 'height="60"><tag label="free"/></image>')
        )
        arguments = ("--from", "cvat", "--author", author, "--task", task.short, "--branch", "--json")
        code, told, err = run("data", "label", "import", out, *arguments)
        assert code == 0, err
        assert json.loads(told)["became"] == {"labelled" if author == "ben" else "reviewed": 2}
    branch = committed.site.loaded.settings.data.branch
    assert standing(task, snapshot_of(committed.site, branch)).reviewed == 2
    assert committed.git("log", "-1", "--format=%s", branch) == "Labels: out by cleo"
    assert committed.data.index.num_rows == 4


def test_a_picture_has_the_split_of_its_site_and_day(committed: Bays) -> None:
    decisions = committed.send(SAID)
    (shot,) = shots(committed.site.loaded, decisions)
    base = snapshot_of(committed.site)
    assert isinstance(base, Snapshot)
    alone = fresh_of(shot, base.index)
    assert alone.image.split == split_of(day_group("harbour", "2026-11-29"))
    same_day = base.index.set_column(
        base.index.column_names.index("day"), "day", [["2026-11-29"] * base.index.num_rows]
    )
    assert fresh_of(shot, same_day).image.split == "test"
    assert fresh_of(shot, base.index, {"split": "validation"}).image.split == "validation"
    with pytest.raises(WrongUse, match="are in `test`"):
        fresh_of(shot, same_day, {"split": "train"})
    held = base.index.append_column("slice_held_out", [["camera"] * base.index.num_rows])
    assert fresh_of(shot, held).image.split == "test"
    assert picture(1000 + 100 * len("gate-1")) == shot.data
