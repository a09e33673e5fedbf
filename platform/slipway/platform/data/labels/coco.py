"""COCO for labelling: one file of instances over the images, as CVAT and Label Studio read and write it too.

The category of a whole image is a box that fills it. COCO notes neither who drew a box nor which images somebody has
looked at: whoever imports says whose labels they are.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from slipway.platform.data.errors import BadImport
from slipway.platform.data.exchange.problems import Problems
from slipway.platform.data.labels.marks import Mark
from slipway.platform.data.labels.reading import Checking, document, parsed_json, text_or_none
from slipway.platform.data.labels.sheets import Names, Sheet, Target
from slipway.platform.data.labels.words import EVERYTHING, Draft, Drawn, Word

FILE: Final = "annotations.json"
LISTS: Final = ("images", "annotations", "categories")

Record = Mapping[str, Any]


def write_coco_sheet(sheet: Sheet, target: Target) -> list[str]:
    """The file; returns remarks."""
    numbers = {name: number for number, name in enumerate(sheet.categories, 1)}
    images, annotations = [], list[dict[str, Any]]()
    for number, picture in enumerate(sheet.pictures, 1):
        size = {"width": picture.width, "height": picture.height}
        images.append({"id": number, "file_name": picture.file, **size})
        for mark in picture.shown:
            box = [mark.x, mark.y, mark.w, mark.h]
            attributes = {name: getattr(mark, name) or "" for name in sorted(EVERYTHING)}
            annotations.append(
                {
                    "id": len(annotations) + 1, "image_id": number, "category_id": numbers[mark.category],
                    "bbox": box, "area": mark.w * mark.h, "iscrowd": 0, "segmentation": [], "attributes": attributes,
                }
            )  # fmt: skip
    categories = [{"id": number, "name": name, "supercategory": ""} for name, number in numbers.items()]
    whole = {"info": {"description": sheet.name}, "licenses": [], "categories": categories}
    content = {**whole, "images": images, "annotations": annotations}
    target.text(FILE, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return []


def read_coco_sheet(source: Path, names: Names, problems: Problems) -> Draft:
    """All images of the file, with their boxes."""
    text, place = document(source, ".json")
    images, annotations, categories = _lists(parsed_json(text, place), place)
    checking, draft = Checking(names, problems), Draft()
    labels = {one.get("id"): one.get("name") for one in categories}
    boxes = _by_image(annotations, {one.get("id") for one in images}, problems, place)
    seen: set[str] = set()
    for image in images:
        where = f"{place}, image `{image.get('file_name')}`"
        size = (image["width"], image["height"]) if {"width", "height"} <= image.keys() else None
        sample = checking.image(image.get("file_name"), size, where)
        if sample is None:
            continue
        if sample in seen:
            problems.add(f"{where}: the image is there twice.")
        seen.add(sample)
        drawn = tuple(_drawn(boxes.get(image.get("id"), []), labels, sample, checking, place))
        draft.words.append(Word(sample=sample, place=where, drawn=drawn))
    return draft


def _drawn(
    annotations: list[Record], labels: Mapping[object, object], sample: str, checking: Checking, place: str
) -> Iterator[Drawn]:
    for one in annotations:
        where = f"{place}, annotation id {one.get('id')!r}"
        box = one.get("bbox")
        label = labels.get(one.get("category_id"))
        mark = checking.mark(label, box if isinstance(box, list) else [box], sample, where)
        if mark is not None:
            said = one.get("attributes")
            named = (
                {name: text_or_none(said[name]) for name in EVERYTHING & said.keys()} if isinstance(said, dict) else {}
            )
            yield Drawn(Mark(**{**vars(mark), **named}), frozenset(named))


def _by_image(
    annotations: list[Record], images: set[object], problems: Problems, place: str
) -> dict[object, list[Record]]:
    found: dict[object, list[Record]] = {}
    for one in annotations:
        if one.get("image_id") not in images:
            problems.add(f"{place}, annotation id {one.get('id')!r}: its image id {one.get('image_id')!r} is unknown.")
        found.setdefault(one.get("image_id"), []).append(one)
    return found


def _lists(document: object, place: str) -> tuple[list[Record], list[Record], list[Record]]:
    found = [document.get(name) for name in LISTS] if isinstance(document, dict) else []
    plain = [one for one in found if isinstance(one, list) and all(_has_plain_ids(record) for record in one)]
    if len(plain) != len(LISTS):
        raise BadImport(
            f"{place} is no COCO file: it should hold the lists {', '.join(LISTS)}, of objects.",
            mend="Export the task as COCO.",
        )
    return plain[0], plain[1], plain[2]


def _has_plain_ids(record: object) -> bool:
    ids = ("id", "image_id", "category_id")
    return isinstance(record, dict) and all(isinstance(record.get(name), int | str | None) for name in ids)
