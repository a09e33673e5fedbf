"""Where the record of a piece of work lies in the store."""

from dataclasses import dataclass
from typing import Final

WORK: Final = "work"
NAMES: Final = "names"
RESULTS: Final = "results"
"""Files of results, named by their content."""
GIVEN: Final = "references"
"""Files of a person's own that work refers to, named by their content."""
JOBS: Final = "jobs"
"""What runners are told, named by content."""
CODE: Final = "code"
"""Code archives, `code/<digest>.tar`, where the digest is that of the list of files."""


@dataclass(frozen=True)
class WorkKeys:
    """The keys of one piece of work."""

    key: str

    @property
    def folder(self) -> str:
        """What all its keys begin with."""
        return f"{WORK}/{self.key}"

    @property
    def parts(self) -> str:
        """What names it: the bytes that the key is the digest of."""
        return f"{self.folder}/parts.json"

    @property
    def mlflow(self) -> str:
        """The one MLflow run; bound once."""
        return f"{self.folder}/mlflow.json"

    @property
    def result(self) -> str:
        """The one result; bound once."""
        return f"{self.folder}/result.json"

    @property
    def wishes(self) -> str:
        """What the keys of those who want the result begin with."""
        return f"{self.folder}/wishes/"

    def wish(self, person: str) -> str:
        """That somebody wants the result."""
        return f"{self.wishes}{person}.json"

    @property
    def attempts(self) -> str:
        """What the keys of its attempts begin with."""
        return f"{self.folder}/attempts/"

    def attempt(self, number: int) -> "AttemptKeys":
        """The keys of one attempt."""
        return AttemptKeys(f"{self.attempts}{number}")


@dataclass(frozen=True)
class AttemptKeys:
    """The keys of one execution."""

    folder: str

    @property
    def spec(self) -> str:
        """Who started it, where and why; bound once, so an attempt has one owner."""
        return f"{self.folder}/spec.json"

    @property
    def begun(self) -> str:
        """Which runner has begun it, and where; bound once. Only of attempts that a launcher runs."""
        return f"{self.folder}/begun.json"

    @property
    def meeting(self) -> str:
        """What the first node tells the others."""
        return f"{self.folder}/meeting.json"

    @property
    def cancellation(self) -> str:
        """That it shall end; bound once."""
        return f"{self.folder}/cancel.json"

    def node(self, number: int) -> "AttemptKeys":
        """The keys of one node's part; the first node's are those of the attempt."""
        return AttemptKeys(f"{self.folder}/nodes/{number}") if number else self

    @property
    def heartbeat(self) -> str:
        """Replaced every few seconds while it lives."""
        return f"{self.folder}/heartbeat.json"

    @property
    def outcome(self) -> str:
        """How it ended; bound once."""
        return f"{self.folder}/outcome.json"

    @property
    def log(self) -> str:
        """Begins the keys of its log's pieces."""
        return f"{self.folder}/log/"

    @property
    def journal(self) -> str:
        """Begins the keys of its journal's pieces."""
        return f"{self.folder}/journal/"

    @property
    def checkpoints(self) -> str:
        """Begins the keys of its checkpoints."""
        return f"{self.folder}/checkpoints/"


def job_key(digest: str) -> str:
    """What a runner is told."""
    return f"{JOBS}/{digest}.json"


def code_key(digest: str) -> str:
    """The archive of exactly the files that the digest names."""
    return f"{CODE}/{digest}.tar"


def name_key(name: str) -> str:
    """What a readable name stands for; bound once."""
    return f"{NAMES}/{name}.json"
