"""Reading an image folder: `SRC/<category>/<image>`, or `SRC/<split>/<category>/<image>`.

Each image gets one box of its category that fills it; images that lie in no category are unlabelled.
"""

from pathlib import Path

from slipway.platform.data.exchange.files import is_image, source_folder, walk
from slipway.platform.data.exchange.grouping import choose_split, own_split, split_remark
from slipway.platform.data.exchange.plan import Draft, Entry, Options
from slipway.platform.data.manifest import Provenance
from slipway.platform.data.rows import Box, Image


def read_imagefolder(source: Path, options: Options) -> Draft:
    """Every image below a folder."""
    folder = source_folder(source)
    dataset = options.name or folder.name
    files = list(walk(folder))
    images = [path.relative_to(folder) for path in files if is_image(path)]
    entries = tuple(_entry(folder, file, dataset, options) for file in images)
    own = {own_split(file.parts[0]) if len(file.parts) > 1 else None for file in images}
    remarks = [split_remark(options, own, "the image itself")]
    if len(files) > len(images):
        remarks.append(f"{len(files) - len(images)} files below {folder} are no images and were left out.")
    source_part = Provenance(kind="imagefolder", source=dataset)
    return Draft(root=folder, entries=entries, provenance=(source_part,), remarks=tuple(remarks))


def _entry(folder: Path, file: Path, dataset: str, options: Options) -> Entry:
    own = own_split(file.parts[0]) if len(file.parts) > 1 else None
    category = "/".join(file.parts[1 if own else 0 : -1])
    image = Image(
        width=0,
        height=0,
        split=choose_split(options, own, f"{dataset}/{file.as_posix()}"),
        source=f"{dataset}/{file.as_posix()}",
        label_state=options.label_state if category else "unlabelled",
        extra={"format": "imagefolder", "dataset": dataset, "files": [file.as_posix()]},
        **options.fields(),
    )
    box = Box(category=category, x=0, y=0, w=0, h=0, label_state=options.label_state, author=options.author)
    boxes = (box,) if category else ()
    return Entry(path=folder / file, place=str(folder / file), image=image, boxes=boxes, fills=True)
