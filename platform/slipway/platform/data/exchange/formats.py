"""The formats by name: who reads and who writes them."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from slipway.platform.data.exchange.coco import read_coco
from slipway.platform.data.exchange.coco_out import write_coco
from slipway.platform.data.exchange.imagefolder import read_imagefolder
from slipway.platform.data.exchange.mot import read_mot
from slipway.platform.data.exchange.mot_out import write_mot
from slipway.platform.data.exchange.plan import Draft, Options
from slipway.platform.data.exchange.reid import read_reid
from slipway.platform.data.exchange.reid_out import write_reid
from slipway.platform.data.exchange.rows_out import Sink
from slipway.platform.data.snapshot import Snapshot

READERS: Final[dict[str, Callable[[Path, Options], Draft]]] = {
    "coco": read_coco,
    "mot": read_mot,
    "reid": read_reid,
    "imagefolder": read_imagefolder,
}
WRITERS: Final[dict[str, Callable[[Snapshot, Sink], list[str]]]] = {
    "coco": write_coco,
    "mot": write_mot,
    "reid": write_reid,
}
