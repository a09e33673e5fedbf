"""Splits: a pure function of the group that must stay together, the same in every snapshot.

The group of an image is its identity where individuals are recognised, else its site and day. Two images of one
individual, or of one morning at one gate, never stand on both sides. Held-out cameras and sites are test, whatever
their group says, so that a model is always judged on a place it has never seen.
"""

import hashlib
from typing import Final

SHARES: Final = (("train", 70), ("validation", 15), ("test", 15))


def split_of(group: str, *, held_out: bool = False) -> str:
    """The split of a group of images."""
    if held_out:
        return "test"
    position = int.from_bytes(hashlib.sha256(f"split:{group}".encode()).digest()[:8], "big") % 100
    for split, share in SHARES:
        if position < share:
            return split
        position -= share
    raise AssertionError("the shares make 100")


def day_group(site: str | None, day: str | None) -> str:
    """The group of images without identities."""
    return f"{site or 'somewhere'}/{day or 'some day'}"
