"""CVAT's format "CVAT for images 1.1": one XML file, written for the tool and read as the tool writes it.

A box is a `<box>`, the category of a whole image a `<tag>`. Track and identity are attributes of a box. CVAT notes
neither who drew a box nor which images somebody has looked at: whoever imports says whose labels they are.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from slipway.platform.data.errors import BadImport
from slipway.platform.data.exchange.problems import Problems
from slipway.platform.data.labels.marks import Mark, whole
from slipway.platform.data.labels.reading import Checking, document, text_or_none
from slipway.platform.data.labels.sheets import Names, Picture, Sheet, Target
from slipway.platform.data.labels.words import EVERYTHING, Draft, Drawn, Word

FILE: Final = "annotations.xml"
LABELS: Final = "labels.json"
VERSION: Final = "1.1"
DIGITS: Final = 4
"""After the point; CVAT itself writes two."""
_LEFT: Final = "xtl"
_CORNERS: Final = (_LEFT, "ytl", "xbr", "ybr")


def write_cvat(sheet: Sheet, target: Target) -> list[str]:
    """The XML to load into a task of these images; returns remarks."""
    root = ET.Element("annotations")
    _text(root, "version", VERSION)
    task = ET.SubElement(ET.SubElement(root, "meta"), "task")
    _text(task, "name", sheet.name)
    _text(task, "size", str(len(sheet.pictures)))
    _text(task, "mode", "annotation")
    _labels(ET.SubElement(task, "labels"), sheet)
    for number, picture in enumerate(sheet.pictures):
        root.append(_image(number, picture, sheet))
    ET.indent(root)
    target.text(FILE, '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n")
    target.text(LABELS, json.dumps(_constructed(sheet), indent=1, ensure_ascii=False) + "\n")
    return [f"In CVAT: a new task with {LABELS} as raw labels and these images, then Upload annotations, {FILE}."]


def read_cvat(source: Path, names: Names, problems: Problems) -> Draft:
    """All images that the file speaks of."""
    text, place = document(source, ".xml")
    root = _parsed(text, place)
    at = _moment(root)
    checking, draft, seen = Checking(names, problems), Draft(), set[str]()
    for image in root.iter("image"):
        where = f"{place}, image `{image.get('name')}`"
        sample = checking.image(image.get("name"), _size(image), where)
        if sample is None:
            continue
        if sample in seen:
            problems.add(f"{where}: the image is there twice.")
        seen.add(sample)
        drawn = tuple(_drawn(image, sample, checking, where))
        draft.words.append(Word(sample=sample, place=where, drawn=drawn, at=at))
    return draft


def _parsed(text: str, place: str) -> ET.Element:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadImport(f"{place} declares a document type, which CVAT never does.", mend="Export it again.")
    try:
        root = ET.fromstring(text)  # noqa: S314 - without a document type there are no entities to expand
    except ET.ParseError as error:
        line, _ = error.position
        raise BadImport(f"{place}, line {line}: no XML: {error}.", mend="Get the whole file again.") from None
    version = root.findtext("version", "").strip()
    if root.tag != "annotations" or version != VERSION:
        raise BadImport(
            f"{place} is no file of CVAT {VERSION}: `{root.tag}`, version `{version or 'none'}`.",
            mend="In CVAT, export a task as `CVAT for images 1.1`.",
        )
    if root.find("track") is not None:
        raise BadImport(f"{place} has tracks of a video.", mend="In CVAT, export as `CVAT for images 1.1`.")
    return root


def _drawn(image: ET.Element, sample: str, checking: Checking, place: str) -> Iterator[Drawn]:
    for number, shape in enumerate(image):
        where = f"{place}, {shape.tag} {number + 1}"
        if shape.tag == "tag":
            if label := shape.get("label"):
                yield Drawn(whole(label, *checking.names.sizes[sample]), frozenset())
            else:
                checking.problems.add(f"{where}: its label is missing.")
        elif shape.tag != "box" or _turned(shape):
            kind = "a rotated box" if shape.tag == "box" else f"a {shape.tag}"
            checking.problems.add(f"{where}: {kind} cannot be taken; boxes and tags can.")
        elif (mark := checking.mark(shape.get("label"), _box(shape), sample, where)) is not None:
            yield _with_attributes(shape, mark)


def _turned(shape: ET.Element) -> bool:
    try:
        return float(shape.get("rotation", "0")) % 360 != 0
    except ValueError:
        return True


def _with_attributes(shape: ET.Element, mark: Mark) -> Drawn:
    said = {
        name: text_or_none(one.text)
        for one in shape.iter("attribute")
        if (name := one.get("name")) in EVERYTHING and name is not None
    }
    named = Mark(
        category=mark.category, x=mark.x, y=mark.y, w=mark.w, h=mark.h,
        track=said.get("track"), identity=said.get("identity"),
    )  # fmt: skip
    return Drawn(named, frozenset(said))


def _box(shape: ET.Element) -> list[object]:
    """Left, top, width, height; what is no number stays what it is, to be told."""
    try:
        left, top, right, bottom = (float(shape.attrib[name]) for name in _CORNERS)
    except (KeyError, ValueError):
        return [shape.get(name) for name in _CORNERS]
    return [left, top, right - left, bottom - top]


def _size(image: ET.Element) -> tuple[object, object]:
    found = image.get("width", ""), image.get("height", "")
    return (int(found[0]), int(found[1])) if all(one.isdecimal() for one in found) else found


def _moment(root: ET.Element) -> str:
    """When the task was changed last, as CVAT says it."""
    for name in (".//meta//updated", ".//meta/dumped"):
        try:
            found = datetime.fromisoformat(root.findtext(name, "").strip())
        except ValueError:
            continue
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return ""


def _image(number: int, picture: Picture, sheet: Sheet) -> ET.Element:
    size = {"width": str(picture.width), "height": str(picture.height)}
    image = ET.Element("image", {"id": str(number), "name": picture.file, **size})
    source = "auto" if picture.state == "auto" else "manual"
    for mark in picture.shown:
        said = {"label": mark.category, "source": source}
        if sheet.kind == "choices":
            ET.SubElement(image, "tag", said)
            continue
        corners = {name: f"{side:.{DIGITS}f}" for name, side in zip(_CORNERS, mark.corners, strict=True)}
        box = ET.SubElement(image, "box", {**said, "occluded": "0", **corners, "z_order": "0"})
        for name in sorted(EVERYTHING):
            ET.SubElement(box, "attribute", {"name": name}).text = getattr(mark, name) or ""
    return image


def _labels(labels: ET.Element, sheet: Sheet) -> None:
    for category in sheet.categories:
        label = ET.SubElement(labels, "label")
        _text(label, "name", category)
        _text(label, "type", "tag" if sheet.kind == "choices" else "rectangle")
        attributes = ET.SubElement(label, "attributes")
        for name in sorted(EVERYTHING) if sheet.kind == "boxes" else ():
            one = ET.SubElement(attributes, "attribute")
            for key, value in (("name", name), ("mutable", "False"), ("input_type", "text"), ("default_value", "")):
                _text(one, key, value)
            _text(one, "values", "")


def _constructed(sheet: Sheet) -> list[dict[str, object]]:
    """The labels as CVAT's constructor takes them."""
    kind = "tag" if sheet.kind == "choices" else "rectangle"
    named = {"mutable": False, "input_type": "text", "default_value": "", "values": [""]}
    attributes = [{"name": name, **named} for name in sorted(EVERYTHING)] if sheet.kind == "boxes" else []
    return [{"name": one, "type": kind, "attributes": attributes} for one in sheet.categories]


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = text
