"""What the store remembers of a snapshot: `snapshots/<digest>.json`, its manifest and DVC's addresses of its files.

With it a job finds every byte without a git repository. It holds nothing but what the content decides, so that
everybody writes the same bytes, once.
"""

import re
from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from slipway.platform.canonical import canonical
from slipway.platform.data.errors import SnapshotDamaged, SnapshotMissing
from slipway.platform.data.manifest import NAME, FileEntry, Manifest, Part
from slipway.platform.data.pointer import Pointer, source_of
from slipway.platform.store import ObjectMissing, Store

PREFIX = "snapshots/"
SHORT = 12

_MD5 = re.compile(r"[0-9a-f]{32}")


class Record(Part):
    """A snapshot's manifest, and the md5 of each of its files."""

    manifest: Manifest
    md5: Mapping[str, str]

    @property
    def digest(self) -> str:
        """The snapshot's name."""
        return self.manifest.digest

    def entry(self, name: str) -> FileEntry:
        """Size and sha256 of a file; the manifest's own are its name."""
        if name == NAME:
            return FileEntry(sha256=self.digest, size=len(self.manifest.to_bytes()))
        return self.manifest.files[name]

    def pointer(self) -> Pointer:
        """What `data.dvc` says of this snapshot."""
        tree, _ = tree_of(self.md5)
        size = sum(self.entry(name).size for name in self.md5)
        return Pointer(self.digest, tree, size, len(self.md5), source_of(self.manifest))

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical(self.model_dump(mode="json"))


def tree_of(md5: Mapping[str, str]) -> tuple[str, bytes]:
    """DVC's address and bytes of a list of files."""
    from dvc_data.hashfile.tree import Tree

    tree = Tree.from_list([{"md5": value, "relpath": name} for name, value in md5.items()])
    tree.digest()
    return str(tree.oid), tree.as_bytes()


def make_record(manifest: Manifest, md5: Mapping[str, str], place: str) -> Record:
    """A record whose two lists name the same files; `place` is for the message."""
    for name, value in md5.items():
        if not _MD5.fullmatch(value):  # it becomes a part of paths; the manifest holds the names to its own rule
            raise SnapshotDamaged(
                f"{place}: `{value}` is no md5, and stands for that of `{name}`.",
                mend="Somebody wrote it by hand: do not use it, and find out who did.",
            )
    expected = {*manifest.files, NAME}
    if expected != set(md5):
        odd = sorted(expected ^ set(md5))
        raise SnapshotDamaged(
            f"{place}: the manifest and DVC's list of files disagree on {', '.join(odd[:3])}"
            f"{' and more' if len(odd) > 3 else ''}.",  # noqa: PLR2004 - as many as are named
            mend="`slipway data commit` where the data is whole, then `slipway data push`.",
        )
    return Record(manifest=manifest, md5=dict(md5))


def key_of(digest: str) -> str:
    """Where the store keeps a snapshot's record."""
    return f"{PREFIX}{digest}.json"


def save_record(store: Store, record: Record) -> None:
    """Remember a snapshot; that somebody did already is fine."""
    data = record.to_bytes()
    if store.put_if_absent(key_of(record.digest), data) != data:
        raise SnapshotDamaged(
            f"`{key_of(record.digest)}` in the store {store.url} is there with other content.",
            mend="Nothing of slipway changes a record: find out who did, and remove it if it is wrong.",
        )


def load_record(store: Store, digest: str) -> Record | None:
    """The record of exactly this snapshot, if the store has it."""
    key = key_of(digest)
    try:
        data = store.get(key)
    except ObjectMissing:
        return None
    place = f"`{key}` in the store {store.url}"
    try:
        record = Record.model_validate_json(data)
    except ValidationError as error:
        raise SnapshotDamaged(
            f"{place} is no record of a snapshot: {error.errors(include_url=False)[0]['msg']}.",
            mend="Remove it, then `slipway data commit` where the data is.",
        ) from None
    if record.digest != digest:
        raise SnapshotDamaged(f"{place} describes {record.digest}.", mend="Remove it, then `slipway data commit`.")
    return make_record(record.manifest, record.md5, place)


def recorded(store: Store, beginning: str = "") -> list[str]:
    """The digests that the store knows and that begin so."""
    return [key.removeprefix(PREFIX).removesuffix(".json") for key in store.list(PREFIX + beginning)]


def resolve(beginning: str, known: Iterable[str], place: str) -> str:
    """The one known digest that begins so."""
    digests = sorted(set(known))
    matches = [digest for digest in digests if digest.startswith(beginning)]
    if len(matches) == 1 and beginning:
        return matches[0]
    if matches:
        told = ", ".join(digest[: max(SHORT, len(beginning) + 4)] for digest in matches[:5])
        raise SnapshotMissing(f"`{beginning}` begins {len(matches)} digests in {place}: {told}.", mend="Write more.")
    raise SnapshotMissing(f"There is no snapshot `{beginning}` in {place}.", mend=_nearest(beginning, digests))


def _nearest(wanted: str, digests: list[str]) -> str:
    def shared(digest: str) -> int:
        return next((at for at, (a, b) in enumerate(zip(wanted, digest, strict=False)) if a != b), len(wanted))

    if not digests:
        return "None is known yet: `slipway data commit` records one."
    best = max(digests, key=shared)
    hint = f"Did you mean `{best[: max(SHORT, len(wanted))]}`? " if shared(best) else ""
    return f"{hint}`slipway data versions` lists all."
