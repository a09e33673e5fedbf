"""Small data sets in foreign formats, and import and export as the command line does them."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from slipway.platform.data.exchange.adding import add_plan
from slipway.platform.data.exchange.delivery import MARK, delivered
from slipway.platform.data.exchange.formats import READERS, WRITERS
from slipway.platform.data.exchange.plan import Options, make_plan
from slipway.platform.data.manifest import NAME
from slipway.platform.data.snapshot import Snapshot

MakePicture = Callable[..., bytes]


@pytest.fixture(scope="session")
def picture() -> MakePicture:
    """An image's bytes, another one for each number."""

    def make(number: int, width: int = 16, height: int = 12, kind: str = "jpeg") -> bytes:
        stream = io.BytesIO()
        pixels = np.random.default_rng(number).integers(0, 255, (height, width, 3), np.uint8)
        Picture.fromarray(pixels).save(stream, kind)
        return stream.getvalue()

    return make


@pytest.fixture(scope="session")
def lay() -> Callable[[Path, Mapping[str, bytes | str]], Path]:
    """Write files by name below a folder."""

    def write(folder: Path, files: Mapping[str, bytes | str]) -> Path:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return folder

    return write


@pytest.fixture(scope="session")
def tree() -> Callable[[Path], dict[str, bytes]]:
    """Every file below a folder with its bytes, but for the export's own mark."""

    def read(folder: Path) -> dict[str, bytes]:
        files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MARK)
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    return read


@pytest.fixture(scope="session")
def take_in() -> Callable[..., Snapshot]:
    """Import a folder into a snapshot's folder."""

    def run(kind: str, source: Path, into: Path, **options: Any) -> Snapshot:
        chosen = Options(**options)
        base = Snapshot(into) if (into / NAME).exists() else None
        plan = make_plan(READERS[kind](source, chosen), chosen, base)
        add_plan(plan, into, base, chosen.licence)
        return Snapshot(into)

    return run


@pytest.fixture(scope="session")
def give_out() -> Callable[[str, Snapshot, Path], list[str]]:
    """Export a snapshot; returns the remarks."""

    def run(kind: str, snapshot: Snapshot, destination: Path) -> list[str]:
        with delivered(destination, {"format": kind}) as delivery:
            return WRITERS[kind](snapshot, delivery)

    return run
