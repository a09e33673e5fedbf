"""Where steps work: a project's settings, its store and its desk, each opened when it is first needed."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.pipelines.steps.commands import Answer, ask_slipway
from slipway.pipelines.steps.step import Tell

if TYPE_CHECKING:
    from slipway.pipelines.steps.memo import Memo
    from slipway.platform.data.project import Project
    from slipway.platform.models.finder import Model
    from slipway.platform.registry.desk import Desk
    from slipway.platform.runs.standing import Here
    from slipway.platform.settings import Loaded
    from slipway.platform.store import Store


ADVICE: Final = ("--again", "the same command")
"""Remarks about the command that was run, which nobody sees."""


@dataclass(frozen=True)
class Site:
    """One project."""

    loaded: "Loaded"
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    """Of the commands that steps run."""

    @classmethod
    def at(cls, folder: Path, environ: Mapping[str, str]) -> "Site":
        """The project around a folder."""
        from slipway.platform.settings import load

        return cls(load(folder, environ), dict(environ))

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.loaded.root

    @cached_property
    def desk(self) -> "Desk":
        """Versions, approvals, the ledger."""
        from slipway.platform.registry.desk import Desk

        return Desk(self.loaded, self.store)

    @cached_property
    def store(self) -> "Store":
        """Its records."""
        from slipway.platform.store import open_store

        return open_store(self.loaded.settings.store, self.loaded.settings.s3)

    @cached_property
    def here(self) -> "Here":
        """This machine, for the question whether a process lives."""
        from slipway.platform.runs.standing import Here

        return Here.at(self.root)

    @cached_property
    def project(self) -> "Project":
        """Its data."""
        from slipway.platform.data.project import Project

        return Project(self.root, self.loaded.settings)

    def model(self, name: str) -> "Model":
        """An installed model; another name is `WrongUse`."""
        from slipway.platform.models.finder import model_named

        if name not in self._models:
            self._models[name] = model_named(name)
        return self._models[name]

    def memo(self, name: str) -> "Memo":
        """What is remembered of this model's steps."""
        from slipway.pipelines.steps.memo import Memo

        if name not in self._memos:
            self._memos[name] = Memo(self.loaded, self.model(name))
        return self._memos[name]

    @cached_property
    def _models(self) -> "dict[str, Model]":
        return {}

    @cached_property
    def _memos(self) -> "dict[str, Memo]":
        return {}

    def slipway(self, *arguments: str, tell: Tell) -> Answer:
        """A command of slipway in this project, in this context; what it advises whoever types it is left out."""
        environ = {**self.environ, "SLIPWAY_CONTEXT": self.loaded.context}

        def pass_on(line: str) -> None:
            if not any(advice in line for advice in ADVICE):
                tell(line)

        return ask_slipway(arguments, self.root, environ, pass_on)
