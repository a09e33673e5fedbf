"""Which split an imported image goes to when the person does not say.

A source that has splits of its own, by the names of its folders or annotation files, keeps them: results on it stay
comparable. Else the group decides: the identity, or the day at the site when the day is given, or the sequence, or the
folder that the image lies in, or the image alone where everything lies in one folder.
"""

import re
from typing import Final

from slipway.platform.data.exchange.plan import Options
from slipway.platform.data.splits import day_group, split_of

OWN_NAMES: Final = {
    "train": "train", "training": "train", "trainval": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "test": "test", "testing": "test", "query": "test", "gallery": "test",
}  # fmt: skip


def own_split(path: str) -> str | None:
    """The split that the words in a path name: `train2017`, `image_test`, `instances_val.json`."""
    for word in re.split(r"[^a-z]+", path.lower()):
        if word in OWN_NAMES:
            return OWN_NAMES[word]
    return None


def choose_split(options: Options, own: str | None, group: str) -> str:
    """What the person said, else the source's own split, else that of the day or the group."""
    if options.split is not None:
        return options.split
    if own is not None:
        return own
    if options.day is not None:
        return split_of(day_group(options.site, options.day))
    return split_of(group)


def split_remark(options: Options, own: set[str | None], by: str) -> str:
    """What was done, for the person."""
    if options.split is not None:
        return f"Everything goes to `{options.split}`, as --split says."
    if own - {None}:
        named = ", ".join(f"`{name}`" for name in sorted(name for name in own if name))
        return f"The source's own splits are kept: {named}."
    return f"Splits follow {'the site and day' if options.day is not None else by}."
