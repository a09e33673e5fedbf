"""A hook of the documentation's builder: writes the reference pages that come from the code.

`reference/cli.md` is the help of every command as a person would see it; `reference/settings.md` is the schema of the
settings, `reference/model.md` that of a `model.yaml`, `reference/plan.md` that of a rollout's plan. They exist only in
the built site, so none can be out of date.
"""

import ast
from collections.abc import Iterator, Mapping
from datetime import timedelta
from inspect import cleandoc, getsource
from itertools import pairwise
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from typer.core import TyperCommand, TyperGroup

from slipway.platform.cli.lazy import LazyGroup
from slipway.platform.cli.root import build
from slipway.platform.models.finder import model_named
from slipway.platform.models.schema import Declaration
from slipway.platform.settings import Settings
from slipway.platform.settings.environment import DELIMITER, PREFIX
from slipway.serving.release.plan import Plan, span_told

if TYPE_CHECKING:
    from typer._click import Context

WIDTH = 100
EXAMPLE: Final = "vehicle-reid"
WORDS: Final = {timedelta: "span", str: "text", int: "whole number", float: "number", bool: "true or false"}
LIMITS: Final = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than", "min_length": "at least"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to the site's files."""
    files.append(File.generated(config, "reference/cli.md", content=cli_page()))
    files.append(File.generated(config, "reference/settings.md", content=settings_page()))
    files.append(File.generated(config, "reference/model.md", content=model_page()))
    files.append(File.generated(config, "reference/plan.md", content=plan_page()))
    return files


def cli_page() -> str:
    """Every command with its help."""
    lines = ["# Command line", "", "Generated from the commands themselves."]
    for path, text in _helps(build(plain=True), None, "slipway"):
        lines += ["", f"## `{path}`", "", "```text", text.rstrip(), "```"]
    return "\n".join(lines) + "\n"


def _helps(command: TyperCommand | TyperGroup, parent: "Context | None", name: str) -> Iterator[tuple[str, str]]:
    """The help of a command and of everything below it, by its full name."""
    context = command.context_class(
        command, info_name=name, parent=parent, max_content_width=WIDTH, terminal_width=WIDTH
    )
    yield context.command_path, command.get_help(context)
    if isinstance(command, LazyGroup):
        for spec in command.specs.values():
            yield from _helps(spec.load(plain=True), context, spec.name)
    elif isinstance(command, TyperGroup):
        for child in command.list_commands(context):
            inner = command.get_command(context, child)
            if isinstance(inner, TyperCommand | TyperGroup):
                yield from _helps(inner, context, child)


def settings_page() -> str:
    """Every setting with its type, default, variable and meaning."""
    lines = [
        "# Settings",
        "",
        "Generated from the schema. In `slipway.toml` settings stand under `[contexts.NAME]`; a variable goes before",
        "the file. `slipway config show` prints what is in force and where it was set.",
        "",
    ]
    return "\n".join([*lines, *_section(Settings, "", "")]) + "\n"


def _section(model: type[BaseModel], above: str, title: str) -> list[str]:
    """A table of one section's settings, then the sections inside it."""
    rows, inner, told = [], [], _told(model)
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            inner += _section(kind, f"{above}{name}.", (kind.__doc__ or "").strip())
            continue
        default = "" if field.default is PydanticUndefined or field.default is None else f"`{field.default}`"
        variable = PREFIX + (above + name).upper().replace(".", DELIMITER)
        shown = f"<br>`{variable}`" if "NAME" not in above else ""
        rows.append(f"| `{above}{name}`{shown} | {default} | {told.get(name, '')} |")
        if not above and name == "targets":
            (_, target) = kind.__args__  # type: ignore[union-attr]
            inner += _section(target, "targets.NAME.", (target.__doc__ or "").strip())
    heading = ["", f"## {above.rstrip('.')}", "", title] if above else []
    return [*heading, "", "| setting | default | meaning |", "| --- | --- | --- |", *rows, *inner]


def _told(model: type[BaseModel]) -> dict[str, str]:
    """What the source says below each setting. Pydantic could read it as well, and would for every command."""
    (section,) = ast.parse(getsource(model)).body
    return {
        one.target.id: cleandoc(str(below.value.value))
        for one, below in pairwise(getattr(section, "body", ()))
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
    }


def model_page() -> str:
    """Everything that a `model.yaml` may say, and one that does."""
    lines = [
        "# model.yaml",
        "",
        "Generated from the schema. Every model's folder has one; `slipway models show NAME` reads it, and a slip is",
        "told with file, line and the nearest valid name.",
        *_piece(Declaration, "", "")[1:],
        "",
        f"## {EXAMPLE}",
        "",
        "```yaml",
        model_named(EXAMPLE).file.read_text(encoding="utf-8").rstrip(),
        "```",
    ]
    return "\n".join(lines) + "\n"


def plan_page() -> str:
    """Everything that the plan of a rollout may say."""
    lines = [
        "# Plan of a rollout",
        "",
        "Generated from the schema. `slipway rollout start MODEL --plan FILE` reads one, else `rollout.yaml` in the",
        "model's folder; `slipway rollout schema` prints it for editors. A span is written `30m`, `24h` or `7d`.",
        *_piece(Plan, "", "")[1:],
    ]
    return "\n".join(lines) + "\n"


def _piece(kind: type[BaseModel], above: str, heading: str) -> list[str]:
    """A table of what one piece may say, then the pieces inside it."""
    rows, inner = [], []
    for attribute, field in kind.model_fields.items():
        name = field.alias or attribute
        rows.append(
            f"| `{name}` | {_words(field.annotation)}{_limits(field)} | {_default(field)} | {_meaning(field)} |"
        )
        for piece, mark in _pieces_in(field.annotation):
            path = f"{above}{name}{mark}"
            inner += _piece(piece, f"{path}.", path)
    title = ["", f"## `{heading}`", "", (kind.__doc__ or "").strip()] if heading else [""]
    return [*title, "", "| name | what it is | default | meaning |", "| --- | --- | --- | --- |", *rows, *inner]


def _pieces_in(kind: Any, mark: str = "") -> Iterator[tuple[type[BaseModel], str]]:  # noqa: ANN401 - an annotation
    """The pieces in an annotation; `[]` marks those of a list, `.NAME` those of a table."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind, mark
    inside = {tuple: "[]", Mapping: ".NAME"}.get(get_origin(kind), mark)
    for argument in get_args(kind):
        yield from _pieces_in(argument, inside)


def _words(kind: Any) -> str:  # noqa: ANN401 - an annotation
    """An annotation as a person says it."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _words(arguments[0])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in (Union, UnionType):
        return " or ".join(_words(one) for one in arguments if one is not NoneType)
    if origin is tuple:
        return f"list of: {_words(arguments[0])}"
    if origin is Mapping:
        return f"table of: {_words(arguments[1])}"
    return WORDS.get(kind, "table")


def _limits(field: FieldInfo) -> str:
    told = [
        f"{word} {getattr(one, key)}" for one in field.metadata for key, word in LIMITS.items() if hasattr(one, key)
    ]
    return f", {' and '.join(told)}" if told else ""


def _default(field: FieldInfo) -> str:
    """What holds where nothing is said; that of a table stands with its names."""
    if field.is_required():
        return "**required**"
    value = field.default
    if value is None or isinstance(value, BaseModel) or value in ((), {}):
        return ""
    told = ", ".join(map(str, value)) if isinstance(value, tuple) else value
    if isinstance(value, timedelta):
        told = span_told(value)
    if isinstance(value, Mapping):
        told = ", ".join(f"{name}: {one}" for name, one in value.items())
    return f"`{str(told).lower() if isinstance(told, bool) else told}`"


def _meaning(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())
