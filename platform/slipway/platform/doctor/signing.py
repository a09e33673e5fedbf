"""Check of who acts here: is there a key, is it well kept, and is its holder trusted?"""

from collections.abc import Iterator

from slipway.platform.doctor.check import Finding, ok, skipped
from slipway.platform.settings.schema import Identity


def identity(settings: Identity) -> Iterator[Finding]:
    """The signer that decisions of this context would be signed with; what is wrong with it comes as its own error."""
    from slipway.platform.identity import load_people, signer_for
    from slipway.platform.identity.key_ring import KeyRing

    if settings.signer is None and not KeyRing(settings.keys).names():
        yield skipped("identity", "nobody has a key on this machine; `slipway identity init NAME` makes one")
        return
    signer = signer_for(settings, load_people(settings.people))
    yield ok("identity", f"{signer.person.name} signs with key {signer.key.keyid[:12]}")
