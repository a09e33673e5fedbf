"""Writing COCO: what came from COCO goes back as it was, with the columns winning where they were changed since.

Images that came otherwise make one set for each split, `annotations/instances_<split>.json` and `images/<split>`. With
sources of several names each gets a folder of its own, so that none overwrites another.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.platform.data.exchange.rows_out import BoxRow, ImageRow, Sink, image_rows
from slipway.platform.data.snapshot import Snapshot

OWN = "slipway"


@dataclass
class _Set:
    """One annotation file in the making; positions are those of the file that was imported."""

    dataset: str
    file: str
    document: dict[str, Any]
    images: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    annotations: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    unnumbered: list[tuple[Any, BoxRow]] = field(default_factory=list)


def write_coco(snapshot: Snapshot, sink: Sink) -> list[str]:
    """Write everything; returns remarks."""
    sets = _known_sets(snapshot)
    rows = list(image_rows(snapshot))
    apart = len({_set_of(row, sets).dataset for row in rows}) > 1
    for row in rows:
        one = _set_of(row, sets)
        folder = f"{one.dataset}/" if apart else ""
        sink.image(folder + _add(one, row), row)
    for one in sets.values():
        if one.images:
            folder = f"{one.dataset}/" if apart else ""
            sink.text(folder + one.file, json.dumps(_document(one), ensure_ascii=False))
    return ["Each source has a folder of its own."] if apart else []


def _known_sets(snapshot: Snapshot) -> dict[str, _Set]:
    sets = {}
    for part in snapshot.manifest.provenance:
        if part.kind == "coco":
            detail = part.detail
            document = json.loads(str(detail["document"]))
            sets[part.source] = _Set(str(detail["dataset"]), str(detail["file"]), document)
    return sets


def _set_of(row: ImageRow, sets: dict[str, _Set]) -> _Set:
    name = row.extra.get("coco", {}).get("set")
    if name in sets:
        return sets[name]
    split = row.columns["split"]
    return sets.setdefault(f"/{split}", _Set(OWN, f"annotations/instances_{split}.json", {"categories": []}))


def _add(one: _Set, row: ImageRow) -> str:
    """Add an image with its boxes; returns the file to write it to."""
    kept = row.extra.get("coco")
    if kept is None or one.dataset == OWN:
        name = f"{row.columns['sample']}.{row.suffix()}"
        image = {"id": len(one.images) + 1, "file_name": name}
        image |= {"width": row.columns["width"], "height": row.columns["height"]}
        at, file = float(len(one.images)), f"images/{row.columns['split']}/{name}"
    else:
        image, at, file = dict(kept["image"]), float(kept["at"]), kept["file"]
    one.images.append((at, image))
    for box in row.boxes:
        known = box.extra.get("coco")
        if known is None or one.dataset == OWN:
            one.unnumbered.append((image["id"], box))
        else:
            annotation = _changed(known["annotation"], box.columns, one.document)
            one.annotations.append((known["at"], annotation))
    return str(file)


def _changed(annotation: Mapping[str, Any], box: Mapping[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """The annotation as it came, with the columns' values where they are others by now."""
    result = dict(annotation)
    place = [box[name] for name in "xywh"]
    if list(map(float, annotation["bbox"])) != place:
        result["bbox"] = place
    names = {one.get("id"): str(one.get("name", one.get("id"))) for one in document.get("categories", [])}
    if names.get(annotation["category_id"]) != box["category"]:
        result["category_id"] = _category_id(box["category"], document)
    return result


def _category_id(name: str, document: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever the source numbers with
    """The category's id, new where the file had none of that name."""
    categories = document.setdefault("categories", [])
    for one in categories:
        if str(one.get("name", one.get("id"))) == name:
            return one["id"]
    number = _next_id(categories)
    categories.append({"id": number, "name": name})
    return number


def _next_id(records: list[Any]) -> int:
    numbers = [one["id"] for one in records if isinstance(one.get("id"), int | float)]
    return int(max(numbers, default=0)) + 1


def _document(one: _Set) -> dict[str, Any]:
    images = [image for _, image in sorted(one.images, key=lambda pair: pair[0])]
    annotations = [annotation for _, annotation in sorted(one.annotations, key=lambda pair: pair[0])]
    number = _next_id(annotations)
    for image_id, box in one.unnumbered:
        annotations.append(_new_annotation(number, image_id, box.columns, one.document))
        number += 1
    return {**one.document, "images": images, "annotations": annotations}


def _new_annotation(
    number: int,
    image_id: Any,  # noqa: ANN401 - whatever the source numbers with
    box: Mapping[str, Any],
    document: dict[str, Any],
) -> dict[str, Any]:
    annotation = {
        "id": number,
        "image_id": image_id,
        "category_id": _category_id(box["category"], document),
        "bbox": [box[name] for name in "xywh"],
        "area": box["w"] * box["h"],
        "iscrowd": 0,
    }
    ours = {name: box[name] for name in ("track", "identity", "occlusion") if box[name] is not None}
    return annotation | ours
