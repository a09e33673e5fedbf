"""Working something out once for all devices of a simulation: they read the same few files again and again.

Only pure functions are remembered: what the bytes of metadata say, their canonical form, and whether a key made a
signature of some bytes. Each device decides by itself what it believes. It holds for the client of the channel alone,
and while the block lasts; whoever signs works with objects of their own.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final, Self

from securesystemslib.signer import Signature, SSlibKey
from tuf.api.metadata import Metadata
from tuf.ngclient._internal import trusted_metadata_set

from slipway.serving.channel import updater

NAME: Final = "Metadata"
VERIFY: Final = "verify_signature"


def _remembering() -> type[Metadata[Any]]:
    """Metadata that are read once; nobody changes what they get."""
    known: dict[bytes, Any] = {}

    class Known(Metadata[Any]):
        def __class_getitem__(cls, _: object) -> type[Self]:
            return cls

        @classmethod
        def from_bytes(cls, data: bytes, *_: object) -> Any:  # noqa: ANN401 - as its base has it
            found = known.get(data)
            if found is None:
                read = super().from_bytes(data)
                found = known[data] = cls(read.signed, read.signatures, read.unrecognized_fields)
            return found

        @cached_property
        def signed_bytes(self) -> bytes:
            return super().signed_bytes

    return Known


def _verified_once(
    verify: Callable[[SSlibKey, Signature, bytes], None],
) -> Callable[[SSlibKey, Signature, bytes], None]:
    """The same check; a signature that is right is right again."""
    right: set[tuple[str, str, str, bytes]] = set()

    def verified(self: SSlibKey, signature: Signature, data: bytes) -> None:
        key = (self.scheme, str(self.keyval), signature.signature, hashlib.sha256(data).digest())
        if key not in right:
            verify(self, signature, data)
            right.add(key)

    return verified


@contextmanager
def knowing() -> Iterator[None]:
    """While it lasts, what was worked out is not worked out again."""
    metadata, verify = _remembering(), SSlibKey.verify_signature
    places = [(trusted_metadata_set, NAME, metadata), (updater, NAME, metadata)]
    before = [(where, name, getattr(where, name)) for where, name, _ in places]
    try:
        for where, name, value in places:
            setattr(where, name, value)
        setattr(SSlibKey, VERIFY, _verified_once(verify))
        yield
    finally:
        for where, name, value in before:
            setattr(where, name, value)
        setattr(SSlibKey, VERIFY, verify)
