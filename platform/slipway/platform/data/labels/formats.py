"""The formats by name: who writes a sheet, and who reads what people made of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from slipway.platform.data.exchange.problems import Problems
from slipway.platform.data.labels.coco import read_coco_sheet, write_coco_sheet
from slipway.platform.data.labels.cvat import read_cvat, write_cvat
from slipway.platform.data.labels.labelstudio import read_labelstudio, write_labelstudio
from slipway.platform.data.labels.sheets import Names, Sheet, Target
from slipway.platform.data.labels.words import Draft

SHEET_WRITERS: Final[dict[str, Callable[[Sheet, Target], list[str]]]] = {
    "coco": write_coco_sheet,
    "cvat": write_cvat,
    "labelstudio": write_labelstudio,
}
SHEET_READERS: Final[dict[str, Callable[[Path, Names, Problems], Draft]]] = {
    "coco": read_coco_sheet,
    "cvat": read_cvat,
    "labelstudio": read_labelstudio,
}
EMPTY_IS_SAID: Final = frozenset({"labelstudio"})
"""Formats in which an image without a box is one that somebody has looked at."""
