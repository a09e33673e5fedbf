"""Metadata that more than one person must sign, gathered over several machines.

A draft lies beside the channel's files: its content, bound once, and each signature in a file of its own. So two who
sign at once lose nothing, and a signature is never taken for one of another content: it lies under the digest of what
it signs. When enough are there, anyone who can write to the store makes it metadata. Devices never ask for drafts.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from securesystemslib.signer import Signature, Signer
from tuf.api.metadata import Metadata, Root, RootVerificationResult, Signed, VerificationResult

from slipway.platform.canonical import canonical
from slipway.serving.bundle.canonical import sha256
from slipway.serving.release.roles import ROOT
from slipway.serving.release.tuf_files import BadChannel, Document, Files, parse
from slipway.serving.release.tuf_making import add_signature, finished

DRAFTS: Final = "drafts"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Draft:
    """A version that waits for signatures; `document` has those that hold and lie in the store."""

    document: Document
    content: bytes = field(repr=False)
    """Without signatures."""

    @property
    def digest(self) -> str:
        """sha256 of the content."""
        return sha256(self.content)

    @property
    def role(self) -> str:
        """Of what."""
        return self.document.role

    @property
    def version(self) -> int:
        """The version that it will be."""
        return self.document.version

    @property
    def key(self) -> str:
        """Where its content lies."""
        return draft_key(self.role, self.version)

    def result(self, root: Root | None) -> RootVerificationResult | VerificationResult:
        """Who signed, and whether that is enough after `root`, which is None before the first one."""
        metadata = self.document.metadata
        payload, signatures = metadata.signed_bytes, metadata.signatures
        if self.role == ROOT:
            signed: Root = self.document.signed
            return signed.get_root_verification_result(root, payload, signatures)
        if root is None:
            return VerificationResult(1, {}, {})
        return root.get_verification_result(self.role, payload, signatures)


def draft_key(role: str, version: int) -> str:
    """Where a draft's content lies."""
    return f"{DRAFTS}/{version}.{role}.json"


class Drafts:
    """The drafts beside a channel."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def propose(self, role: str, signed: Signed) -> Draft:
        """The draft of that version: this one, or the one that lies there already."""
        content = finished(role, Metadata(signed)).data
        key = draft_key(role, signed.version)
        return self._opened(role, signed.version, self._files.store.put_if_absent(key, content))

    def read(self, role: str, version: int) -> Draft | None:
        """The draft of that version, with the signatures that were gathered; rubbish is told, and counts as none."""
        content = self._files.data(draft_key(role, version))
        if content is None:
            return None
        try:
            return self._opened(role, version, content)
        except BadChannel as error:
            log.warning("%s %s", error, error.mend)
            return None

    def senseless(self, role: str, version: int) -> bool:
        """Whether what lies in the place of that draft is none."""
        return self._files.data(draft_key(role, version)) is not None and self.read(role, version) is None

    def remove_senseless(self, role: str, version: int) -> None:
        """Forget what is none."""
        self._files.store.delete(draft_key(role, version))

    def add(self, draft: Draft, signers: Mapping[str, Signer]) -> Draft:
        """Sign with these, too."""
        for keyid, signer in signers.items():
            if keyid in draft.document.metadata.signatures:
                continue
            alone: Metadata[Any] = Metadata(draft.document.signed)
            add_signature(alone, signer)
            self._files.store.put(self._signature_key(draft, keyid), canonical(alone.signatures[keyid].to_dict()))
        return self._opened(draft.role, draft.version, draft.content)

    def remove(self, draft: Draft) -> None:
        """Forget it; its content goes last, so that whoever is killed in between is repeated."""
        for key in [*self._files.store.list(self._folder(draft))]:
            self._files.store.delete(key)
        self._files.store.delete(draft.key)

    def _opened(self, role: str, version: int, content: bytes) -> Draft:
        document = parse(role, content)
        if document is None or document.version != version:
            raise BadChannel(
                f"{draft_key(role, version)} in {self._files.store.url} is no draft of `{role}` {version}.",
                mend="Find out who wrote it. `slipway channel sign --discard` removes it.",
            )
        draft = Draft(document, content)
        document.metadata.signatures.clear()
        for key in self._files.store.list(self._folder(draft)):
            signature = self._signature(key)
            if signature is not None:
                document.metadata.signatures[signature.keyid] = signature
        return Draft(finished(role, document.metadata), content)

    def _signature(self, key: str) -> Signature | None:
        keyid = key.rpartition("/")[2].removesuffix(".json")
        try:
            found = Signature.from_dict(json.loads(self._files.store.get(key)))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            log.warning("%s is no signature and counts for nothing", key)
            return None
        return found if found.keyid == keyid else None

    def _folder(self, draft: Draft) -> str:
        return f"{DRAFTS}/{draft.version}.{draft.role}/{draft.digest}/"

    def _signature_key(self, draft: Draft, keyid: str) -> str:
        return f"{self._folder(draft)}{keyid}.json"
