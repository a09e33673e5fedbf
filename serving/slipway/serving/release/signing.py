"""Which of the channel's keys are at hand on this machine: those of the key ring, and the vault of who acts.

A key signs only for the person that the people file knows it by, and never once it is revoked there.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from securesystemslib.signer import Signer

from slipway.platform.errors import SlipwayError
from slipway.platform.identity import People, signer_for
from slipway.platform.identity.key_ring import KeyRing
from slipway.platform.settings import schema

log = logging.getLogger(__name__)


class CannotSign(SlipwayError):
    """The key that must sign is not on this machine."""


@dataclass(frozen=True)
class KeysAtHand:
    """Looks for keys when they are asked for; nothing is opened before."""

    identity: schema.Identity
    people: People

    def signers(self, keyids: Iterable[str]) -> dict[str, Signer]:
        """Those of these keys that can sign here."""
        found: dict[str, Signer] = {}
        for keyid in keyids:
            signer = self._signer(keyid)
            if signer is not None:
                found[keyid] = signer
        return found

    def _signer(self, keyid: str) -> Signer | None:
        person, key = self.people.holder(keyid) or (None, None)
        if person is None or key is None or not key.trusted_now():
            return None
        ring = KeyRing(self.identity.keys)
        if person.name in ring.names():
            signer = ring.load(person.name)
            if signer.public_key.keyid == keyid:
                return signer
        if self.identity.signer is not None and key.signer in (None, self.identity.signer):
            return self._in_vault(keyid)
        return None

    def _in_vault(self, keyid: str) -> Signer | None:
        try:
            acting = signer_for(self.identity, self.people)
        except SlipwayError as error:
            log.warning("The key in %s cannot be used: %s", self.identity.signer, error)
            return None
        return acting.signer if acting.key.keyid == keyid else None
