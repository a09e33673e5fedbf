"""Reading re-identification folders: Market-1501, VeRi and what is laid out like them.

Folders are `bounding_box_train`, `image_train` or `train`, the same with `test` or `gallery`, and `query`; without any
of them the images lie in SRC itself. A name begins with identity and camera: `0002_c1s1_000451_03.jpg`,
`0001_c001_00016450_0.jpg`. Identity -1 (junk) and 0000 (distractors) are no individuals. Each image is one box that
fills it. The same bytes in query and gallery are one image with both names.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from slipway.platform.data.errors import BadImport
from slipway.platform.data.exchange.files import is_image, source_folder, walk
from slipway.platform.data.exchange.grouping import choose_split, own_split, split_remark
from slipway.platform.data.exchange.plan import Draft, Entry, Options
from slipway.platform.data.exchange.problems import Problems
from slipway.platform.data.manifest import Provenance
from slipway.platform.data.rows import Box, Identity, Image

NAME: Final = re.compile(r"(?P<identity>-1|\d+)_c(?P<camera>\d+)(?:s\d+)?_(?:f?(?P<frame>\d{1,9}))?")


def read_reid(source: Path, options: Options) -> Draft:
    """Every image of the known folders."""
    folder = source_folder(source)
    dataset = options.name or folder.name
    problems = Problems()
    folders = _image_folders(folder)
    entries = [entry for place in folders for entry in _entries(place, folder, dataset, options, problems)]
    problems.stop_if_any()
    taken = {entry.path for entry in entries}
    others = sum(1 for path in walk(folder) if path not in taken)
    own = {own_split(place.relative_to(folder).as_posix()) for place in folders}
    remarks = [split_remark(options, own, "the identities")]
    if others:
        remarks.append(f"{others} files below {folder} are no images of the known folders and were left out.")
    return Draft(
        root=folder,
        entries=tuple(entries),
        identities=tuple(_identities(entries, problems)),
        provenance=(Provenance(kind="reid", source=dataset),),
        remarks=tuple(remarks),
    )


def _image_folders(folder: Path) -> list[Path]:
    known = [path for path in sorted(folder.iterdir()) if path.is_dir() and own_split(path.name) is not None]
    if known:
        return known
    if any(is_image(path) for path in folder.iterdir()):
        return [folder]
    found = ", ".join(path.name for path in sorted(folder.iterdir()) if path.is_dir()) or "none"
    raise BadImport(
        f"{folder} holds no folder of a re-identification set; its folders: {found}.",
        mend="It wants bounding_box_train, bounding_box_test and query, or image_train, image_test and image_query.",
    )


def _entries(place: Path, folder: Path, dataset: str, options: Options, problems: Problems) -> Iterator[Entry]:
    own = own_split(place.relative_to(folder).as_posix())
    for path in sorted(place.iterdir()):
        if not is_image(path):
            continue
        match = NAME.match(path.name)
        if match is None:
            problems.add(f"{path}: the name does not begin like 0002_c1s1_000451 or 0001_c001_00016450.")
            continue
        file = path.relative_to(folder).as_posix()
        number = int(match["identity"])
        identity = f"{dataset}/{match['identity']}" if number > 0 else None
        fields = options.fields() | {"camera": options.camera or f"c{int(match['camera'])}"}
        image = Image(
            width=0,
            height=0,
            split=choose_split(options, own, identity or f"{dataset}/{path.name}"),
            source=f"{dataset}/{file}",
            frame=int(match["frame"]) if match["frame"] and int(match["frame"]) < 2**31 else None,
            label_state=options.label_state,
            extra={"format": "reid", "dataset": dataset, "files": [file]},
            **fields,
        )
        box = Box(
            category=options.category, x=0, y=0, w=0, h=0, identity=identity,
            label_state=options.label_state, author=options.author,
        )  # fmt: skip
        yield Entry(path=path, place=str(path), image=image, boxes=(box,), fills=True)


def _identities(entries: list[Entry], problems: Problems) -> Iterator[Identity]:
    """Each individual once; one that is in two splits is told with a file of each."""
    first: dict[str, Entry] = {}
    for entry in entries:
        box = entry.boxes[0]
        if box.identity is None:
            continue
        earlier = first.setdefault(box.identity, entry)
        if earlier is entry:
            yield Identity(identity=box.identity, category=box.category, split=entry.image.split)
        elif earlier.image.split != entry.image.split:
            problems.add(
                f"{entry.path}: identity `{box.identity}` is in `{entry.image.split}` here "
                f"and in `{earlier.image.split}` at {earlier.path}."
            )
    problems.stop_if_any()
