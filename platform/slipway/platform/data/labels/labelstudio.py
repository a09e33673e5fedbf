"""Label Studio's JSON: tasks to import with predictions, and the export of a project ("JSON") as it is written there.

A box is a `rectanglelabels` in hundredths of the image, the category of a whole image a `choices`; track and identity
are `textarea`s of a box. What somebody submitted counts, also where it is empty; predictions, drafts and what was
skipped do not. The export names who submitted what by number or address.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any, Final

from slipway.platform.data.errors import BadImport
from slipway.platform.data.exchange.problems import Problems
from slipway.platform.data.labels.marks import Mark, whole
from slipway.platform.data.labels.reading import Checking, document, parsed_json, text_or_none
from slipway.platform.data.labels.sheets import Names, Picture, Sheet, Target
from slipway.platform.data.labels.words import EVERYTHING, Draft, Drawn, Word

FILE: Final = "tasks.json"
CONFIG: Final = "label-config.xml"
IMAGE: Final = "image"
SAMPLE: Final = "sample"
BOXES: Final = "boxes"
CHOICE: Final = "category"
_SIDES: Final = ("x", "y", "width", "height")

Record = Mapping[str, Any]


def write_labelstudio(sheet: Sheet, target: Target) -> list[str]:
    """The tasks, and the configuration of a project that fits them; returns remarks."""
    tasks = [_task(picture, sheet) for picture in sheet.pictures]
    target.text(FILE, json.dumps(tasks, indent=1, ensure_ascii=False) + "\n")
    target.text(CONFIG, _config(sheet))
    return [f"In Label Studio: a new project with {CONFIG} as its labelling interface, then import {FILE}."]


def read_labelstudio(source: Path, names: Names, problems: Problems) -> Draft:
    """Everything that people submitted."""
    text, place = document(source, ".json")
    tasks = parsed_json(text, place)
    if not isinstance(tasks, list) or not all(
        isinstance(one, dict) and isinstance(one.get("data"), dict) for one in tasks
    ):
        raise BadImport(f"{place} is no list of tasks with `data`.", mend="In Label Studio, export as JSON.")
    checking, draft = Checking(names, problems), Draft()
    for number, task in enumerate(tasks):
        where = f"{place}, task {task.get('id', number + 1)}"
        data = task["data"]
        sample = checking.image(data.get(SAMPLE) or data.get(IMAGE), None, where)
        if sample is not None:
            submitted = list(_words(task, sample, checking, where))
            draft.words += submitted
            draft.silent += not submitted
    return draft


def _words(task: Record, sample: str, checking: Checking, place: str) -> Iterator[Word]:
    annotations = task.get("annotations", [])
    if not isinstance(annotations, list) or not all(isinstance(one, dict) for one in annotations):
        checking.problems.add(f"{place}: its `annotations` are no list of objects.")
        return
    for one in annotations:
        if one.get("was_cancelled"):
            continue
        where = f"{place}, annotation {one.get('id', '?')}"
        results = one.get("result")
        if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
            checking.problems.add(f"{where}: its `result` is no list of objects.")
            continue
        drawn = tuple(_drawn(results, sample, checking, where))
        at = _moment(one.get("updated_at") or one.get("created_at"))
        yield Word(sample=sample, place=where, drawn=drawn, author=_who(one.get("completed_by")), at=at)


def _drawn(results: list[Record], sample: str, checking: Checking, place: str) -> Iterator[Drawn]:
    texts = _texts(results)
    for number, one in enumerate(results):
        where, kind, value = f"{place}, result {number + 1}", one.get("type"), one.get("value")
        if kind == "textarea":
            continue
        if kind not in ("rectanglelabels", "choices") or not isinstance(value, dict):
            checking.problems.add(f"{where}: a `{kind}` cannot be taken; rectanglelabels and choices can.")
            continue
        chosen = value.get(kind)
        if not isinstance(chosen, list) or len(chosen) != 1 or not isinstance(chosen[0], str):
            checking.problems.add(f"{where}: exactly one label is expected, {chosen!r} found.")
        elif kind == "choices":
            yield Drawn(whole(chosen[0], *checking.names.sizes[sample]), frozenset())
        elif (mark := _rectangle(one, value, chosen[0], sample, checking, where)) is not None:
            said = texts.get(one.get("id"), {})
            named = {**vars(mark), **said}
            yield Drawn(Mark(**named), frozenset(said))


def _rectangle(
    result: Record, value: Record, category: str, sample: str, checking: Checking, place: str
) -> Mark | None:
    size = checking.names.sizes[sample]
    said = result.get("original_width"), result.get("original_height")
    if said not in (size, (None, None)):
        checking.problems.add(f"{place}: it was drawn on {said[0]} x {said[1]}, the image has {size[0]} x {size[1]}.")
        return None
    if result.get("image_rotation") or value.get("rotation"):
        checking.problems.add(f"{place}: a rotated box cannot be taken.")
        return None
    shares = [value.get(name) for name in _SIDES]
    pixels = [
        share * side / 100 if isinstance(share, int | float) and not isinstance(share, bool) else share
        for share, side in zip(shares, size * 2, strict=True)
    ]
    return checking.mark(category, pixels, sample, place)


def _texts(results: list[Record]) -> dict[object, dict[str, str | None]]:
    """Track and identity of boxes, by the boxes' ids."""
    found: dict[object, dict[str, str | None]] = {}
    for one in results:
        name, value = one.get("from_name"), one.get("value")
        if one.get("type") == "textarea" and name in EVERYTHING and isinstance(value, dict):
            lines = value.get("text")
            text = lines[0] if isinstance(lines, list) and lines else lines
            found.setdefault(one.get("id"), {})[str(name)] = text_or_none(text)
    return found


def _who(completed_by: object) -> str:
    """Number or address of whoever submitted it."""
    if isinstance(completed_by, dict):
        completed_by = completed_by.get("email") or completed_by.get("id")
    return "" if completed_by is None else str(completed_by)


def _moment(text: object) -> str:
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        found = None
    return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if found and found.tzinfo else ""


def _task(picture: Picture, sheet: Sheet) -> dict[str, Any]:
    address = f"{sheet.prefix.rstrip('/')}/{picture.file}"
    task: dict[str, Any] = {"data": {IMAGE: address, SAMPLE: picture.sample, **picture.about}}
    if picture.state == "unlabelled":
        return task
    results = [one for number, mark in enumerate(picture.shown) for one in _results(number, mark, picture, sheet)]
    by = picture.author or picture.state
    return {**task, "predictions": [{"model_version": by, "result": results}]}


def _results(number: int, mark: Mark, picture: Picture, sheet: Sheet) -> Iterator[dict[str, Any]]:
    size = picture.width, picture.height
    about = {"to_name": IMAGE, "original_width": size[0], "original_height": size[1], "image_rotation": 0}
    name = f"{picture.sample[:8]}-{number}"
    if sheet.kind == "choices":
        chosen = {"choices": [mark.category]}
        yield {"id": name, "type": "choices", "from_name": CHOICE, "to_name": IMAGE, "value": chosen}
        return
    sides = (mark.x, mark.y, mark.w, mark.h)
    place = {name: side / full * 100 for name, side, full in zip(_SIDES, sides, size * 2, strict=True)}
    value = {**place, "rotation": 0, "rectanglelabels": [mark.category]}
    yield {"id": name, "type": "rectanglelabels", "from_name": BOXES, **about, "value": value}
    for said in sorted(EVERYTHING):
        if (text := getattr(mark, said)) is not None:
            yield {"id": name, "type": "textarea", "from_name": said, **about, "value": {**place, "text": [text]}}


def _config(sheet: Sheet) -> str:
    """The labelling interface."""
    if sheet.kind == "choices":
        lines = [f'  <Choices name="{CHOICE}" toName="{IMAGE}" choice="single" showInline="true">']
        lines += [f'    <Choice value="{escape(one)}"/>' for one in sheet.categories]
        lines += ["  </Choices>"]
    else:
        lines = [f'  <RectangleLabels name="{BOXES}" toName="{IMAGE}">']
        lines += [f'    <Label value="{escape(one)}"/>' for one in sheet.categories]
        lines += ["  </RectangleLabels>"]
        lines += [
            f'  <TextArea name="{one}" toName="{IMAGE}" perRegion="true" maxSubmissions="1" placeholder="{one}"/>'
            for one in sorted(EVERYTHING)
        ]
    return "\n".join(["<View>", f'  <Image name="{IMAGE}" value="${IMAGE}"/>', *lines, "</View>", ""])
