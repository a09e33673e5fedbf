"""Is a model's folder whole? Everything that can be known without training, and without importing torch.

Each finding says what is wrong and whether it stops the model from being used. Nothing is changed.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from slipway.platform.data.schema import INDEX, SLICE_PREFIX
from slipway.platform.errors import SlipwayError
from slipway.platform.models.finder import Model
from slipway.platform.names import nearest, suggestion
from slipway.training.config.compose import compose
from slipway.training.config.files import options

if TYPE_CHECKING:
    from slipway.platform.identity.people import People

TASK: Final = "task.py"
BUILD: Final = "build"


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a model's folder."""

    part: str
    """Which part of it was looked at."""
    message: str
    mend: str | None = None
    blocking: bool = True


def examine(model: Model, people: "People | None" = None) -> list[Finding]:
    """All findings; none means that the model can be trained."""
    parts: Mapping[str, Callable[[], Iterator[Finding]]] = {
        "declaration": lambda: _declaration(model),
        "expectations": lambda: _expectations(model),
        "configs": lambda: _configs(model),
        "task": lambda: _task(model),
        "people": lambda: _people(model, people),
    }
    findings: list[Finding] = []
    for name, look in parts.items():
        try:
            findings += look()
        except SlipwayError as error:
            if name != "people":  # the declaration has been told already
                findings.append(Finding(name, str(error), error.mend))
    return findings


def _declaration(model: Model) -> Iterator[Finding]:
    for column in model.declaration.data.where:
        if column not in INDEX.names and not column.startswith(SLICE_PREFIX):
            yield from _slice_only(model, column)


def _slice_only(model: Model, column: str) -> Iterator[Finding]:
    """A column that only some snapshots have is fine; one that looks like a slip is told."""
    if nearest(column, INDEX.names):
        yield Finding(
            "declaration",
            f"{model.file}: `data.where` names `{column}`, which only a snapshot with `{SLICE_PREFIX}{column}` has.",
            suggestion(column, INDEX.names),
            blocking=False,
        )


def _expectations(model: Model) -> Iterator[Finding]:
    from slipway.platform.data.validation.suite import read_suite

    if not model.expectations.is_file():
        yield Finding(
            "expectations",
            f"{model.expectations} does not exist.",
            "Write what the model expects of its data; an expectation is enough.",
        )
        return
    read_suite(model.expectations)


def _configs(model: Model) -> Iterator[Finding]:
    compose(model)
    for group, names in options(model.configs).items():
        for name in names:
            try:
                compose(model, [f"{group}={name}"])
            except SlipwayError as error:
                yield Finding("configs", f"{group}={name}: {error}", error.mend)


def _task(model: Model) -> Iterator[Finding]:
    file = model.folder / TASK
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    except FileNotFoundError:
        yield Finding("task", f"{file} does not exist.", "It has `def build(config: Config) -> Task`.")
        return
    except (SyntaxError, UnicodeDecodeError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        yield Finding("task", f"{file}{line}: this is no Python: {error.args[0]}.")
        return
    found = next((one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == BUILD), None)
    if found is None or len(found.args.args) != 1:
        yield Finding("task", f"{file} has no `def build(config: Config) -> Task`.", "Training calls it.")


def _people(model: Model, people: "People | None") -> Iterator[Finding]:
    if people is None or not people.persons:
        return
    names = [one.name for one in people.persons]
    for what, name in (("owner", model.declaration.owner), ("value.owner", model.declaration.value.owner)):
        if name not in names:
            yield Finding(
                "people",
                f"{model.file}: `{what}` is `{name}`, whom {people.source} does not know.",
                suggestion(name, names),
                blocking=False,
            )
