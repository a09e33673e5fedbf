"""`slipway data label`, as people and scripts run it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from commanding import Run
from label_site import states

Bays = Any


def relabel(folder: Path, old: str, new: str, times: int) -> None:
    """What somebody does in CVAT."""
    file = folder / "annotations.xml"
    file.write_text(file.read_text().replace(f'label="{old}"', f'label="{new}"', times))


def said(run: Run, *arguments: str, by: str = "ada") -> dict[str, Any]:
    code, out, err = run("data", "label", *arguments, "--json", by=by)
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def test_labels_go_out_and_come_back_and_a_second_person_reviews_them(bays: Bays, run: Run) -> None:
    out = bays.root / "out"
    given = said(run, "export", "--to", "cvat", "--model", "bay-occupancy", str(out))
    assert (given["images"], given["kind"], given["categories"]) == (4, "choices", ["free", "occupied"])
    assert len(list((out / "images").iterdir())) == 4
    relabel(out, "free", "occupied", 1)
    before = bays.data.digest
    dry = said(run, "import", str(out), "--from", "cvat", "--author", "ada", "--dry-run")
    assert (dry["rows"], bays.data.digest) == (4, before)
    assert said(run, "import", str(out), "--from", "cvat", "--author", "ada")["became"] == {
        "confirmed": 3,
        "labelled": 1,
    }
    digest = bays.data.digest
    assert said(run, "import", str(out), "--from", "cvat", "--author", "ada")["rows"] == 0
    assert bays.data.digest == digest
    code, _, err = run("data", "label", "import", str(out), "--from", "cvat", "--author", "ada", "--state", "reviewed")
    assert code == 1
    assert "nobody reviews their own labels" in err
    assert bays.data.digest == digest
    relabel(out, "free", "occupied", 1)
    code, shown, err = run(
        "data", "label", "import", str(out), "--from", "cvat", "--author", "ben", "--state", "reviewed"
    )
    assert code == 0
    assert re.search("became +1 disputed, 3 reviewed", shown)
    assert re.search(r"disputed: gate/\d.jpg \(.*\), was human: ada and ben differ", err)
    assert sorted(states(bays.data)) == ["disputed", "reviewed", "reviewed", "reviewed"]
    code, _, err = run("data", "label", "export", "--to", "coco", str(bays.root / "out2"))
    assert code == 0
    assert "1 disputed" in run("data", "label", "export", "--to", "coco", str(bays.root / "out2"), "--force")[1]


@pytest.mark.parametrize("changed_only", [True, False])
def test_rows_that_nobody_touched_are_left_out_where_that_is_said(bays: Bays, run: Run, changed_only: bool) -> None:
    out = bays.root / "out"
    said(run, "export", "--to", "coco", str(out))
    file = out / "annotations.json"
    content = json.loads(file.read_text())
    content["categories"].append({"id": 9, "name": "occupied"})
    content["annotations"][0]["category_id"] = 9
    file.write_text(json.dumps(content))
    more = ["--changed-only"] if changed_only else []
    done = said(run, "import", str(file), "--from", "coco", "--author", "ada", "--category", "occupied", *more)
    assert (done["rows"], done["silent"]) == ((1, 3) if changed_only else (4, 0))


def test_an_image_without_boxes_says_something_where_it_had_some_or_where_that_is_said(bays: Bays, run: Run) -> None:
    out = bays.root / "out"
    said(run, "export", "--to", "coco", str(out))
    file = out / "annotations.json"
    content = json.loads(file.read_text())
    content["annotations"] = content["annotations"][1:]
    file.write_text(json.dumps(content))
    assert said(run, "import", str(file), "--from", "coco", "--author", "ada")["rows"] == 4
    said(run, "export", "--to", "coco", str(bays.root / "out2"), "--state", "human", "--where", "label_state = human")
    again = bays.root / "out2/annotations.json"
    assert said(run, "import", str(again), "--from", "coco", "--author", "ben")["silent"] == 1
    assert said(run, "import", str(again), "--from", "coco", "--author", "ben", "--empty")["became"]["reviewed"] == 1


def test_two_people_in_one_file_are_told_apart(bays: Bays, run: Run) -> None:
    out = bays.root / "out"
    said(run, "export", "--to", "labelstudio", str(out))
    tasks = json.loads((out / "tasks.json").read_text())
    for task in tasks:
        result = task["predictions"][0]["result"]
        task["annotations"] = [{"id": who, "completed_by": who, "result": result} for who in (2, 3)]
    (out / "tasks.json").write_text(json.dumps(tasks))
    file = str(out / "tasks.json")
    code, _, err = run("data", "label", "import", file, "--from", "labelstudio", "--author", "ada")
    assert code == 2
    assert "labels of 2 people" in err
    assert "--author 2=NAME --author 3=NAME" in err
    code, _, err = run("data", "label", "import", file, "--from", "labelstudio", "--author", "2=ada")
    assert code == 2
    assert "Nobody is given for `3`" in err
    done = said(run, "import", file, "--from", "labelstudio", "--author", "2=ada", "--author", "3=ben")
    assert done["became"] == {"confirmed": 4, "reviewed": 4}
    assert states(bays.data) == ["reviewed"] * 4


def test_what_is_wrong_is_told_before_anything_changes(bays: Bays, run: Run) -> None:
    out = bays.root / "out"
    said(run, "export", "--to", "cvat", str(out))
    digest = bays.data.digest
    relabel(out, "free", "occupid", 4)
    arguments = ("data", "label", "import", str(out), "--from", "cvat", "--author", "ada")
    code, _, err = run(*arguments)
    assert code == 2
    assert "no row is labelled `occupid` (4 here)" in err
    file = out / "annotations.xml"
    file.write_text(file.read_text()[:-30])
    assert "no XML" in run(*arguments)[2]
    assert run("data", "label", "import", str(out), "--from", "cvat", "--author", "")[0] == 2
    assert run("data", "label", "import", str(out), "--from", "cvat")[0] == 2
    assert "Nobody can say" in run(*arguments, "--state", "unlabelled")[2]
    assert bays.data.digest == digest
    code, _, err = run(
        "data", "label", "export", "--to", "cvat", str(bays.root / "out3"), "--where", "label_state = human"
    )
    assert code == 2
    assert "Nothing waits there" in err
    assert not (bays.root / "out3").exists()
    assert "another --author" not in err
    assert "holds an earlier export" in run("data", "label", "export", "--to", "cvat", str(out))[2]


def test_a_machine_never_takes_the_place_of_a_person(bays: Bays, run: Run) -> None:
    out = bays.root / "out"
    said(run, "export", "--to", "cvat", str(out))
    said(run, "import", str(out), "--from", "cvat", "--author", "ada")
    relabel(out, "free", "occupied", 2)
    code, _, err = run(
        "data", "label", "import", str(out), "--from", "cvat", "--author", "bay-occupancy/4", "--state", "auto",
        "--category", "occupied",
    )  # fmt: skip
    assert code == 1
    assert "left as it is" in err
    assert states(bays.data) == ["human"] * 4
