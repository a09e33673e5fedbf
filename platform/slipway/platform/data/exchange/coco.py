"""Reading COCO: a folder with annotation files (`annotations/*.json`, or `*.json`) and the images beside them.

Each annotation file is a set. Images are looked for in the folder that is called like the file's tail
(`instances_val2017.json`: `val2017`, `images/val2017`), then in `images`, then in the folder itself. Crowd flags,
segmentations, areas, ids and unknown fields stay in `extra`; info, licences and categories in the provenance.
"""

import json
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from slipway.platform.canonical import canonical
from slipway.platform.data.errors import BadImport
from slipway.platform.data.exchange.files import is_image, missing, reach, read_text, source_folder, walk
from slipway.platform.data.exchange.grouping import choose_split, own_split, split_remark
from slipway.platform.data.exchange.plan import Draft, Entry, Options
from slipway.platform.data.exchange.problems import Problems
from slipway.platform.data.manifest import Provenance
from slipway.platform.data.rows import Box, Image

Record = Mapping[str, Any]
MAX_PIXEL: Final = 1e9


def read_coco(source: Path, options: Options) -> Draft:
    """All annotation files of a folder, or the one that is named."""
    files = [source] if source.is_file() else []
    folder = source_folder(source.parent if files else source)
    if files and folder.name == "annotations":
        folder = folder.parent
    files = files or sorted((folder / "annotations").glob("*.json")) or sorted(folder.glob("*.json"))
    if not files:
        raise BadImport(f"{folder} holds no annotation file.", mend="COCO wants annotations/*.json, or *.json.")
    problems = Problems()
    sets = [_Set(path.resolve(), folder, options, problems) for path in files if not path.name.startswith(".")]
    entries = [entry for one in sets for entry in one.entries()]
    problems.stop_if_any()
    named = {entry.path for entry in entries}
    others = sum(1 for path in walk(folder) if is_image(path) and path not in named)
    remarks = [
        split_remark(
            options,
            {own_split(one.name) for one in sets},
            "the folders below the images' own, or the images where all lie in one",
        )
    ]
    if others:
        remarks.append(f"{others} images below {folder} are named by no annotation file and were left out.")
    return Draft(
        root=folder, entries=tuple(entries), provenance=tuple(one.provenance() for one in sets), remarks=tuple(remarks)
    )


class _Set:
    """One annotation file."""

    def __init__(self, path: Path, folder: Path, options: Options, problems: Problems) -> None:
        self.path = path
        self.name = path.relative_to(folder).as_posix()
        self._folder = folder
        self._options = options
        self._problems = problems
        self._document = _load(path)
        self._images: list[Record] = self._document.pop("images")
        self._annotations: list[Record] = self._document.pop("annotations", [])
        if not self._images:
            raise BadImport(f"{path} holds no images.", mend="Leave out empty annotation files.")
        self._root = _image_folder(folder, path, self._images)
        self._dataset = options.name or folder.name

    def provenance(self) -> Provenance:
        """What the columns have no place for."""
        detail = {"document": canonical(self._document).decode(), "dataset": self._dataset, "file": self.name}
        return Provenance(kind="coco", source=f"{self._dataset}/{self.name}", detail=detail)

    def entries(self) -> Iterator[Entry]:
        """Every image with its boxes."""
        boxes = self._boxes()
        folders = {str(Path(str(image.get("file_name"))).parent) for image in self._images}
        names: set[str] = set()
        for at, image in enumerate(self._images):
            place = f"{self.path}, image id {image.get('id')!r}"
            name = image.get("file_name")
            if not isinstance(name, str):
                self._problems.add(f"{place}: `file_name` is missing.")
                continue
            if name in names:
                self._problems.add(f"{place}: `{name}` is named twice.")
            names.add(name)
            path = reach(self._root, name, place, self._problems)
            if path is None or missing(path, place, self._problems):
                continue
            group = str(Path(name).parent) if len(folders) > 1 else name
            yield self._entry(at, image, path, place, group, tuple(boxes[image["id"]]))

    def _entry(self, at: int, image: Record, path: Path, place: str, group: str, boxes: tuple[Box, ...]) -> Entry:
        file = path.relative_to(self._folder).as_posix()
        split = choose_split(self._options, own_split(self.name), f"{self._dataset}/{group}")
        claimed = (image["width"], image["height"]) if {"width", "height"} <= image.keys() else None
        extra = {"coco": {"set": f"{self._dataset}/{self.name}", "at": at, "file": file, "image": dict(image)}}
        return Entry(
            path=path,
            place=place,
            claimed=claimed,
            boxes=boxes,
            image=Image(
                width=0,
                height=0,
                split=split,
                source=f"{self._dataset}/{file}",
                label_state=self._options.label_state,
                extra=extra,
                **self._options.fields(),
            ),
        )

    def _boxes(self) -> dict[Hashable, list[Box]]:
        """Boxes by image id; everything that is wrong with ids is noted."""
        boxes: dict[Hashable, list[Box]] = {}
        self._check_ids(self._images, "image")
        self._check_ids(self._annotations, "annotation")
        self._problems.stop_if_any()
        for image in self._images:
            boxes[image["id"]] = []
        categories = {
            one.get("id"): str(one.get("name", one.get("id"))) for one in self._document.get("categories", [])
        }
        for at, annotation in enumerate(self._annotations):
            wrong = _wrong_annotation(annotation, boxes, categories)
            if wrong is not None:
                self._problems.add(f"{self.path}, annotation id {annotation['id']!r}: {wrong}.")
                continue
            x, y, w, h = map(float, annotation["bbox"])
            boxes[annotation["image_id"]].append(
                Box(
                    category=categories[annotation["category_id"]],
                    x=x, y=y, w=w, h=h,
                    label_state=self._options.label_state,
                    author=self._options.author,
                    extra={"coco": {"at": at, "annotation": dict(annotation)}},
                )
            )  # fmt: skip
        return boxes

    def _check_ids(self, records: Iterable[Record], kind: str) -> None:
        seen: Counter[Any] = Counter()
        for at, record in enumerate(records):
            if not isinstance(record, dict) or not isinstance(record.get("id"), int | float | str):
                self._problems.add(f"{self.path}: {kind} number {at + 1} has no id.")
                continue
            seen[record["id"]] += 1
            if seen[record["id"]] == 2:  # noqa: PLR2004 - told once
                self._problems.add(f"{self.path}, {kind} id {record['id']!r}: the id is given twice.")


def _wrong_annotation(annotation: Record, images: Mapping[Hashable, Any], categories: Mapping[Any, str]) -> str | None:
    image, category, bbox = (annotation.get(name) for name in ("image_id", "category_id", "bbox"))
    if not isinstance(image, int | float | str) or image not in images:
        return f"its image id {image!r} is unknown"
    if not isinstance(category, int | float | str) or category not in categories:
        return f"its category id {category!r} is unknown"
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(map(_is_number, bbox)):  # noqa: PLR2004 - x y w h
        return f"its bbox {bbox!r} is not four numbers"
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MAX_PIXEL


def _load(path: Path) -> dict[str, Any]:
    """The document, if it is one."""
    text = read_text(path)
    try:
        document = json.loads(text)
    except RecursionError:
        raise BadImport(f"{path} is nested too deeply to be a COCO file.", mend="Get the whole file again.") from None
    except json.JSONDecodeError as error:
        raise BadImport(
            f"{path}, line {error.lineno}: no JSON: {error.msg}.", mend="Get the whole file again."
        ) from None
    lists = ("images", "annotations", "categories")
    if not isinstance(document, dict) or not isinstance(document.get("images"), list):
        raise BadImport(f"{path} is no COCO file: it has no list `images`.", mend="Name the annotation file as SRC.")
    if any(not isinstance(document.get(name, []), list) for name in lists):
        raise BadImport(f"{path} is no COCO file: `annotations` and `categories` must be lists.", mend="Mend it.")
    try:
        canonical(document)
    except ValueError:
        raise BadImport(f"{path} holds NaN, Infinity or half a character.", mend="JSON has none of them.") from None
    return document


def _image_folder(folder: Path, file: Path, images: list[Record]) -> Path:
    """Where the file's images are: the first candidate that has the first image."""
    tail = file.stem.partition("_")[2] or file.stem
    first = str(images[0].get("file_name")) if isinstance(images[0], dict) else ""
    candidates = [folder / tail, folder / "images" / tail, folder / "images", folder]
    for candidate in candidates:
        if first and ".." not in first and (candidate / first.lstrip("/")).is_file():
            return candidate
    return folder
