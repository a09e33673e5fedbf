"""What git knows about the work tree that a run was started from: for people who look later, no part of the key.

The difference to the commit is limited in size, and what looks like a secret in it is masked: others will read it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from slipway.platform.masking import masked
from slipway.platform.runs.code.folders import run_git
from slipway.platform.runs.code.secret_scan import without_secrets

LIMIT: Final = 256 * 1024
"""Characters of a difference that are kept."""
NO_REVISION: Final = ""


@dataclass(frozen=True)
class Revision:
    """The state of a work tree."""

    commit: str
    dirty: bool = False
    patch: str = ""
    """What the tracked files have over the commit, and the names of new ones; nothing secret, perhaps cut."""
    hidden: int = 0
    """Places in the patch that were masked."""

    def __str__(self) -> str:
        return f"{self.commit}+dirty" if self.dirty else self.commit


def revision_of(root: Path, *, limit: int = LIMIT) -> Revision:
    """The state of the work tree that `root` is in; an empty commit without git or before the first commit."""
    commit = run_git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    status = run_git(root, "status", "--porcelain", "--untracked-files=normal", "-z")
    if commit is None or status is None:
        return Revision(NO_REVISION)
    if not status:
        return Revision(commit.strip())
    new = [entry[3:] for entry in status.split("\0") if entry.startswith("?? ")]
    diff = run_git(root, "diff", "HEAD", "--no-color", "--no-ext-diff", "--no-textconv") or ""
    listed = "".join(f"# new, and not in this patch: {name}\n" for name in new)
    text, hidden = without_secrets(masked(listed + diff))
    return Revision(commit.strip(), dirty=True, patch=_cut(_printable(text), limit), hidden=hidden)


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    kept = text[:limit]
    kept = kept[: kept.rfind("\n") + 1]
    return f"{kept}# cut here: {len(text):,} characters in all\n"


def _printable(text: str) -> str:
    """Text that can be written as UTF-8, whatever bytes the files have."""
    return text.encode(errors="surrogateescape").decode(errors="replace")
