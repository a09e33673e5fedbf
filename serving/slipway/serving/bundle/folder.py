"""A bundle in a folder: the manifest beside its files, with no folder inside.

`Bundle.open` reads the manifest and believes nothing else; `verify` (module `verifying`) holds every file against it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.manifest import MANIFEST, Manifest, Variant
from slipway.serving.bundle.reading import read_plain

__all__ = ["BadBundle", "Bundle", "read_manifest"]

LARGEST_MANIFEST: Final = 1024 * 1024


@dataclass(frozen=True)
class Bundle:
    """A folder and what its manifest says."""

    folder: Path
    manifest: Manifest

    @property
    def digest(self) -> str:
        """The bundle's name."""
        return self.manifest.digest

    @classmethod
    def open(cls, folder: Path) -> "Bundle":
        """The bundle in a folder; its manifest must be in canonical form."""
        path = folder / MANIFEST
        if not path.exists():
            raise BadBundle(f"{folder} is no bundle: it has no {MANIFEST}.", mend="`slipway export RUN` makes one.")
        data = read_plain(path, LARGEST_MANIFEST)
        return cls(folder, read_manifest(data, str(path)))

    def path(self, variant: Variant) -> Path:
        """The file of one variant."""
        return self.folder / self.manifest.variants[variant].file


def read_manifest(data: bytes, place: str) -> Manifest:
    """The manifest in these bytes, which must be the ones that its digest is taken of."""
    if len(data) > LARGEST_MANIFEST:
        raise BadBundle(f"{place} has more than {LARGEST_MANIFEST:,} bytes; no manifest is so large.")
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in detail["loc"]) or "manifest"
        raise BadBundle(f"{place}: {where}: {detail['msg']}.") from None
    except RecursionError:
        raise BadBundle(f"{place} is nested too deeply.") from None
    if manifest.to_bytes() != data:
        raise BadBundle(
            f"{place} is not in canonical form: somebody wrote it anew or changed it.", mend="Export or fetch it again."
        )
    return manifest
