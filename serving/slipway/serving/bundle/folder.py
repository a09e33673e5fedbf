"""A bundle in a folder: the manifest beside its files, with no folder inside.

`Bundle.open` reads the manifest and believes nothing else; `verify` (module `verifying`) holds every file against it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from slipway.serving.bundle.manifest import MANIFEST, Manifest, Variant
from slipway.serving.errors import SlipwayError

LARGEST_MANIFEST: Final = 1024 * 1024


class BadBundle(SlipwayError):
    """A bundle that is not what it claims to be, or claims what no bundle may."""


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
        try:
            with path.open("rb") as file:
                data = file.read(LARGEST_MANIFEST + 1)
        except OSError as error:
            raise BadBundle(
                f"{path} cannot be read ({error.strerror}): {folder} is no bundle.",
                mend="`slipway export RUN` makes one.",
            ) from None
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
