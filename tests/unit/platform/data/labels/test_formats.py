"""What is written for a tool comes back as it was, and what tools write themselves is read."""

import json
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from label_site import SIZE, Folder, make_snapshot, picture
from slipway.platform.data.errors import BadImport
from slipway.platform.data.exchange.problems import Problems
from slipway.platform.data.labels.formats import SHEET_READERS, SHEET_WRITERS
from slipway.platform.data.labels.marks import Mark, unmoved
from slipway.platform.data.labels.relabelling import known_rows, relabel
from slipway.platform.data.labels.sheets import Names, Picture, Sheet, pictures_of
from slipway.platform.data.labels.words import Draft, marks_of
from slipway.platform.data.rows import Box

FILES = {"coco": "annotations.json", "cvat": "annotations.xml", "labelstudio": "tasks.json"}
SAMPLE = "0" * 63 + "1"
NAMES = Names([(SAMPLE, "gate/1.jpg", *SIZE)])

text = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=8).map(str.strip)
marks = st.builds(
    lambda category, x, y, w, h, identity: Mark(category=category, x=x, y=y, w=w, h=h, identity=identity),
    st.sampled_from(["car", "van & <lorry>", 'a "q"', "größer"]), st.floats(-40, 120), st.floats(-40, 100),
    st.floats(1, 30), st.floats(1, 30), st.none() | text.filter(bool),
)  # fmt: skip


def read(kind: str, path: Path, names: Names = NAMES) -> Draft:
    problems = Problems()
    draft = SHEET_READERS[kind](path, names, problems)
    problems.stop_if_any()
    return draft


def refusal(kind: str, tmp_path: Path, content: str | bytes, name: str | None = None) -> str:
    path = tmp_path / (name or FILES[kind])
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(BadImport) as caught:
        read(kind, path)
    return str(caught.value)


def annotated(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What Label Studio makes of tasks whose predictions somebody submits as they are."""
    return [
        {**one, "annotations": [{"id": 1, "completed_by": 1, "result": said["result"]} for said in one["predictions"]]}
        for one in tasks
    ]


@settings(max_examples=40, deadline=None)
@given(st.lists(marks, max_size=4), st.sampled_from(sorted(FILES)))
def test_boxes_come_back_unmoved(drawn: list[Mark], kind: str) -> None:
    given_ = Picture(sample=SAMPLE, width=SIZE[0], height=SIZE[1], source="gate/1.jpg", marks=tuple(drawn),
                     state="auto", author="bay/2", data=lambda: picture(1))  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        folder = Folder(Path(place))
        categories = tuple(dict.fromkeys(one.category for one in drawn))
        SHEET_WRITERS[kind](Sheet("bays & <more>", (given_,), categories, "boxes"), folder)
        file = folder.path / FILES[kind]
        if kind == "labelstudio":
            file.write_text(json.dumps(annotated(json.loads(file.read_text()))))
        (word,) = read(kind, file).words
    assert word.drawn is not None
    back = marks_of(word.drawn, drawn, SIZE)
    assert unmoved(back, drawn)
    assert sorted(back, key=repr) == sorted(drawn, key=repr)  # to the last digit, as nobody moved them


@pytest.mark.parametrize("kind", sorted(FILES))
def test_a_category_of_a_whole_image_comes_back(kind: str, tmp_path: Path) -> None:
    box = Box(category="free", x=0, y=0, w=SIZE[0], h=SIZE[1], occlusion=0.25, author="bay/2", label_state="auto",
              extra={"score": 0.4})  # fmt: skip
    snapshot = make_snapshot(tmp_path / "data", 2, "auto", [box])
    pictures = tuple(pictures_of(snapshot, snapshot.index))
    SHEET_WRITERS[kind](Sheet("bays", pictures, ("free", "occupied"), "choices"), Folder(tmp_path / "out"))
    file = tmp_path / "out" / FILES[kind]
    if kind == "labelstudio":
        file.write_text(json.dumps(annotated(json.loads(file.read_text()))))
    draft = read(kind, file, Names((one.sample, one.source, one.width, one.height) for one in pictures))
    known = known_rows(snapshot, [one.sample for one in draft.words])
    done = relabel(known, [replace(one, author="ada") for one in draft.words], "human", "2026-11-29T10:00:00Z")
    assert done.counts == {"confirmed": 2}
    for image, boxes in done.rows.values():
        before = known[image["sample"]][1][0]
        assert boxes == [{**before, "label_state": "human", "author": "ada"}]


CVAT = f"""<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>12</id>
      <name>harbour, night</name>
      <size>2</size>
      <mode>annotation</mode>
      <overlap>0</overlap>
      <bugtracker></bugtracker>
      <created>2026-11-28 09:12:44.123456+00:00</created>
      <updated>2026-11-29 10:30:00.500000+01:00</updated>
      <subset>default</subset>
      <start_frame>0</start_frame>
      <stop_frame>1</stop_frame>
      <frame_filter></frame_filter>
      <segments><segment><id>9</id><start>0</start><stop>1</stop><url>http://localhost:8080/api/jobs/9</url></segment></segments>
      <owner><username>dora</username><email>dora@harbour.example</email></owner>
      <assignee></assignee>
      <labels><label><name>car</name><color>#c06060</color><type>any</type><attributes></attributes></label></labels>
    </task>
    <dumped>2026-11-29 11:00:00.000000+00:00</dumped>
  </meta>
  <image id="0" name="{SAMPLE}.jpg" width="80" height="60">
    <box label="car" source="manual" occluded="0" xtl="10.00" ytl="12.50" xbr="40.25" ybr="30.00" z_order="0">
      <attribute name="identity">V1</attribute>
      <attribute name="colour">red</attribute>
    </box>
    <tag label="free" source="manual">
    </tag>
  </image>
</annotations>
"""


def test_what_cvat_writes_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "task_12.zip", "w") as archive:
        archive.writestr("annotations.xml", CVAT)
    for path in (tmp_path / "task_12.zip", tmp_path):
        (word,) = read("cvat", path).words
        assert (word.sample, word.at, word.author) == (SAMPLE, "2026-11-29T09:30:00Z", "")
        assert word.drawn is not None
        box, tag = word.drawn
        assert box.mark == Mark(category="car", x=10, y=12.5, w=30.25, h=17.5, identity="V1")
        assert box.says == {"identity"}
        assert tag.mark.fills(*SIZE)
        (tmp_path / "annotations.xml").write_text(CVAT)


REGION: dict[str, Any] = {"x": 12.5, "y": 20.0, "width": 50.0, "height": 25.0, "rotation": 0}
ABOUT: dict[str, Any] = {"id": "aB3_x", "to_name": "image", "original_width": 80, "original_height": 60}
LABEL_STUDIO: list[dict[str, Any]] = [
    {
        "id": 31,
        "data": {"image": f"/data/upload/4/7c1d2e3f-{SAMPLE}.jpg"},
        "annotations": [
            {
                "id": 8, "completed_by": 2, "was_cancelled": False, "ground_truth": False, "lead_time": 6.1,
                "created_at": "2026-11-29T10:00:00.123456Z", "updated_at": "2026-11-29T10:05:00.000000Z",
                "result": [
                    {**ABOUT, "type": "rectanglelabels", "from_name": "boxes", "origin": "manual", "image_rotation": 0,
                     "value": {**REGION, "rectanglelabels": ["car"]}},
                    {**ABOUT, "type": "textarea", "from_name": "identity", "value": {**REGION, "text": ["V1"]}},
                ],
            },
            {"id": 9, "completed_by": {"id": 3, "email": "ben@harbour.example"}, "was_cancelled": False, "result": []},
            {"id": 10, "completed_by": 4, "was_cancelled": True, "result": []},
        ],
        "drafts": [], "predictions": [{"model_version": "bay/2", "result": []}],
        "created_at": "2026-11-28T09:00:00Z", "inner_id": 1, "project": 4,
    },
    {"id": 32, "data": {"image": "gate/1.jpg"}, "annotations": [], "predictions": []},
]  # fmt: skip


def test_what_label_studio_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "project-4.json"
    path.write_text(json.dumps(LABEL_STUDIO))
    draft = read("labelstudio", path)
    first, second = draft.words
    assert (first.author, first.at, first.sample) == ("2", "2026-11-29T10:05:00Z", SAMPLE)
    assert first.drawn is not None
    assert first.drawn[0].mark == Mark(category="car", x=10, y=12, w=40, h=15, identity="V1")
    assert (second.author, second.drawn) == ("ben@harbour.example", ())
    assert draft.silent == 1


def test_what_coco_tools_write_is_read(tmp_path: Path) -> None:
    content = {
        "licenses": [{"name": "", "id": 0, "url": ""}], "info": {"contributor": "", "year": ""},
        "categories": [{"id": 1, "name": "car", "supercategory": ""}],
        "images": [{"id": 1, "width": 80, "height": 60, "file_name": "nested/1.jpg", "license": 0, "flickr_url": "",
                    "coco_url": "", "date_captured": 0}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": [], "area": 525.0,
                         "bbox": [10, 12.5, 30, 17.5], "iscrowd": 0,
                         "attributes": {"occluded": False, "rotation": 0.0, "identity": "V1"}}],
    }  # fmt: skip
    (tmp_path / "instances_default.json").write_text(json.dumps(content))
    (word,) = read("coco", tmp_path / "instances_default.json").words
    assert word.sample == SAMPLE
    assert word.drawn is not None
    assert word.drawn[0].mark == Mark(category="car", x=10, y=12.5, w=30, h=17.5, identity="V1")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (CVAT[-60:], "", "no XML"),
        ('xtl="10.00"', 'xtl="wide"', "is not four numbers"),
        ('xtl="10.00"', 'xtl="90.00"', "empty or outside"),
        ('width="80"', 'width="81"', "81 x 60 is said"),
        (f'"{SAMPLE}.jpg"', '"other.jpg"', "no image of the snapshot"),
        ("<box ", '<box rotation="30.0" ', "a rotated box cannot be taken"),
        ('<tag label="free" source="manual">\n    </tag>', '<polygon label="car" points="1,1"/>', "a polygon cannot"),
        ("<version>1.1</version>", "<version>2.0</version>", "no file of CVAT 1.1"),
        ("<annotations>", '<!DOCTYPE a [<!ENTITY b "c">]><annotations>', "declares a document type"),
        ("<image ", '<track id="0" label="car"></track><image ', "tracks of a video"),
    ],
)
def test_a_wrong_cvat_file_is_refused_with_the_place(old: str, new: str, told: str, tmp_path: Path) -> None:
    assert told in refusal("cvat", tmp_path, CVAT.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("}]", "", "no JSON"),
        ('"width": 50.0', '"width": NaN', "holds NaN"),
        ('"width": 50.0', '"width": "much"', "is not four numbers"),
        ('"original_width": 80', '"original_width": 640', "drawn on 640 x 60"),
        ('"image_rotation": 0', '"image_rotation": 90', "a rotated box"),
        ('["car"]', '["car", "van"]', "exactly one label"),
        ('"rectanglelabels", "from', '"brushlabels", "from', "a `brushlabels` cannot be taken"),
        ('"data": {"image": "gate/1.jpg"}', '"data": {"image": "x.jpg"}', "no image of the snapshot"),
        ('"data": {"image": "gate/1.jpg"}', '"data": 7', "no list of tasks"),
    ],
)
def test_a_wrong_label_studio_file_is_refused_with_the_place(old: str, new: str, told: str, tmp_path: Path) -> None:
    assert told in refusal("labelstudio", tmp_path, json.dumps(LABEL_STUDIO).replace(old, new))


def test_a_wrong_coco_file_and_a_wrong_zip_are_refused(tmp_path: Path) -> None:
    whole: dict[str, Any] = {"images": [{"id": 1, "file_name": f"{SAMPLE}.jpg"}], "categories": [], "annotations": []}
    box = {"id": 5, "image_id": 1, "category_id": 2, "bbox": [1, 1, 5, 5]}
    assert "annotation id 5: its label None" in refusal("coco", tmp_path, json.dumps({**whole, "annotations": [box]}))
    lost = {**whole, "annotations": [{**box, "image_id": 9}]}
    assert "image id 9 is unknown" in refusal("coco", tmp_path, json.dumps(lost))
    assert "should hold the lists" in refusal("coco", tmp_path, json.dumps({"images": []}))
    twice = {**whole, "images": [*whole["images"], {"id": 2, "file_name": f"{SAMPLE}.jpg"}]}
    assert "is there twice" in refusal("coco", tmp_path, json.dumps(twice))
    assert "no whole ZIP" in refusal("cvat", tmp_path, b"PK\x03\x04half", "task.zip")
    assert "not UTF-8" in refusal("coco", tmp_path, b'{"images": "\xff"}')
    with pytest.raises(BadImport, match="does not exist"):
        read("cvat", tmp_path / "nothing")
