"""A hook of the documentation's builder: writes the reference pages that come from the code.

`reference/cli.md` is the help of every command as a person would see it; `reference/settings.md` is the schema. Both
exist only in the built site, so neither can be out of date.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from typer.core import TyperCommand, TyperGroup

from slipway.platform.cli.lazy import installed_specs
from slipway.platform.cli.root import build
from slipway.platform.settings import Settings
from slipway.platform.settings.environment import DELIMITER, PREFIX

if TYPE_CHECKING:
    from typer._click import Context

WIDTH = 100


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to the site's files."""
    files.append(File.generated(config, "reference/cli.md", content=cli_page()))
    files.append(File.generated(config, "reference/settings.md", content=settings_page()))
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
    if parent is None:
        for spec in installed_specs():
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
    rows, inner = [], []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            inner += _section(kind, f"{above}{name}.", (kind.__doc__ or "").strip())
            continue
        default = "" if field.default is PydanticUndefined or field.default is None else f"`{field.default}`"
        variable = PREFIX + (above + name).upper().replace(".", DELIMITER)
        shown = f"<br>`{variable}`" if "NAME" not in above else ""
        rows.append(f"| `{above}{name}`{shown} | {default} | {field.description or ''} |")
        if name == "targets":
            (_, target) = kind.__args__  # type: ignore[union-attr]
            inner += _section(target, "targets.NAME.", (target.__doc__ or "").strip())
    heading = ["", f"## {above.rstrip('.')}", "", title] if above else []
    return [*heading, "", "| setting | default | meaning |", "| --- | --- | --- |", *rows, *inner]
