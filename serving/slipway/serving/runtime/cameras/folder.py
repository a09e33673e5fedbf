"""A folder of pictures as a feed, in the order of their names."""

import re
from pathlib import Path
from typing import Final

from slipway.serving.errors import WrongUse
from slipway.serving.runtime.cameras.feed import NoPicture
from slipway.serving.runtime.pictures import BadPicture, decode
from slipway.serving.runtime.source import Image

SUFFIXES: Final = {".jpg", ".jpeg", ".png"}
LARGEST: Final = 64 * 1024 * 1024


class FolderFeed:
    """The JPEG and PNG files in a folder, `2.jpg` before `10.jpg`."""

    def __init__(self, folder: Path) -> None:
        names = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file()]
        self._left = sorted(names, key=lambda path: _natural(path.name), reverse=True)
        if not self._left:
            raise WrongUse(f"{folder} holds no pictures.", mend="Files ending in .jpg, .jpeg or .png are read.")

    def read(self) -> Image | None:
        if not self._left:
            return None
        path = self._left.pop()
        try:
            with path.open("rb") as file:
                data = file.read(LARGEST + 1)
            if len(data) > LARGEST:
                raise NoPicture(f"{path} has more than {LARGEST:,} bytes.")
            return decode(data)
        except OSError as error:
            raise NoPicture(f"{path} cannot be read ({error.strerror}).") from None
        except BadPicture as error:
            raise NoPicture(f"{path}: {error}") from None

    def close(self) -> None:
        self._left.clear()


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Numbers in a name by their value."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
