"""A git branch that `data.dvc` is committed on without a work tree: by plumbing, with an index of its own.

Nothing that a person has checked out is touched, neither files nor index, and a branch that is checked out anywhere is
refused, for its work tree would seem to take the commit back. A branch moves by compare and swap: of two that move it
at once one does, and the other hears of it.
"""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from slipway.platform.data.errors import DataError
from slipway.platform.data.pointer import NAME, Pointer
from slipway.platform.data.project import Project

HEADS: Final = "refs/heads/"
FILE: Final = "100644"
MISSING: Final = ""
"""What git calls the old value of a branch that must not be there."""


@dataclass(frozen=True)
class By:
    """Who commits, as git writes it."""

    name: str
    email: str = ""

    def variables(self, at: datetime) -> dict[str, str]:
        """For git."""
        moment = at.isoformat(timespec="seconds")
        said = {"NAME": self.name, "EMAIL": self.email or f"{self.name}@localhost", "DATE": moment}
        return {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in said.items()}


@dataclass(frozen=True)
class Branch:
    """One branch of the project's repository."""

    project: Project
    name: str

    @property
    def ref(self) -> str:
        """In full."""
        return HEADS + self.name

    def check(self) -> None:
        """Refuse where there is no git, where the name is none, and a branch that somebody works on."""
        if self.project.git("rev-parse", "--git-dir") is None:
            raise DataError(f"{self.project.root} is no git repository.", mend="`git init`, and commit data.dvc.")
        if self.project.git("check-ref-format", "--branch", self.name) is None:
            raise DataError(f"`{self.name}` is no name for a branch.", mend="Correct `data.branch`.")
        if place := self._checked_out():
            raise DataError(
                f"The branch `{self.name}` is checked out in {place}, where somebody works on it.",
                mend="Check out another one there, or set `data.branch` to a branch for data alone.",
            )

    def tip(self) -> str | None:
        """The commit that it is at, if there is such a branch."""
        return self._commit(self.ref)

    def head(self) -> str | None:
        """Where a new branch starts: the commit that is checked out."""
        return self._commit("HEAD")

    def pointer(self, commit: str) -> Pointer | None:
        """The `data.dvc` of a commit."""
        return self.project.pointer_at(commit)

    def commit(self, pointer: Pointer, parent: str | None, message: str, by: By, at: datetime) -> str:
        """A commit with everything that its parent has and this `data.dvc`; nothing leads to it yet."""
        with tempfile.TemporaryDirectory(prefix="slipway-index-") as folder:
            own = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self._git("read-tree", *([parent] if parent else ["--empty"]), variables=own)
            blob = self._git("hash-object", "-w", "--stdin", text=pointer.to_text())
            below = self._git("rev-parse", "--show-prefix")
            entry = f"{FILE},{blob},{below}{NAME}"
            self._git("update-index", "--add", "--cacheinfo", entry, variables=own)
            tree = self._git("write-tree", variables=own)
        parents = ["-p", parent] if parent else []
        return self._git("commit-tree", tree, *parents, "-F", "-", text=message + "\n", variables=by.variables(at))

    def move(self, to: str, old: str | None, why: str) -> bool:
        """Let it lead to a commit, if it still is where it was; False where it is not, or git is busy with it."""
        done = self._run("update-ref", "-m", why, self.ref, to, old or MISSING)
        return done.returncode == 0

    def _checked_out(self) -> str | None:
        """The work tree that has it, if one does."""
        listed = self.project.git("worktree", "list", "--porcelain", "-z") or ""
        place = ""
        for entry in listed.split("\0"):
            word, _, value = entry.partition(" ")
            if word == "worktree":
                place = value
            elif word == "branch" and value == self.ref:
                return place
        return None

    def _commit(self, revision: str) -> str | None:
        found = self.project.git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        return found.strip() if found else None

    def _git(self, *arguments: str, text: str | None = None, variables: dict[str, str] | None = None) -> str:
        done = self._run(*arguments, text=text, variables=variables)
        if done.returncode:
            said = done.stderr.strip() or f"code {done.returncode}"
            raise DataError(f"`git {arguments[0]}` in {self.project.root} failed: {said}", mend="`git fsck` may help.")
        return done.stdout.strip()

    def _run(
        self, *arguments: str, text: str | None = None, variables: dict[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["git", *arguments],
            cwd=self.project.root,
            env={**os.environ, **(variables or {})},
            input=text,
            stdin=None if text is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
