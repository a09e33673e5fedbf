"""Merge defaults, `slipway.toml` and `SLIPWAY_*` into one `Settings`, and remember where each value came from.

Order, the later wins: the schema's defaults, `[contexts.NAME]`, for `local` what a running local stack says, the
environment. The context is named by
`SLIPWAY_CONTEXT` (which `--context` sets), else by `slipway context use`, else by the file's `context`, else `local`.
Every context of the file is checked each time: a slip in `prod` is found on the laptop and not during a release.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion
from slipway.platform.settings.environment import read_environment, variable_of
from slipway.platform.settings.explain import Origin, explain, is_secret
from slipway.platform.settings.files import (
    FILE_NAME,
    STACK_FILE_NAME,
    project_root,
    read_chosen_context,
    stack_file,
)
from slipway.platform.settings.schema import Settings
from slipway.platform.settings.toml_lines import KeyPath, leaves, statement_lines

Table = dict[str, Any]

BUILT_IN_CONTEXT = "local"
BUILT_IN: Table = {"targets": {"local": {}}}


@dataclass(frozen=True)
class SettingsFile:
    """A parsed slipway.toml, or nothing where there is none."""

    path: Path | None
    context: str | None
    contexts: Mapping[str, Table]
    lines: Mapping[KeyPath, int]

    def names(self) -> list[str]:
        """All contexts that can be used, the built-in one first."""
        return [BUILT_IN_CONTEXT, *sorted(set(self.contexts) - {BUILT_IN_CONTEXT})]

    def origin(self, path: KeyPath) -> Origin:
        """Where a key of this file stands; a key without a line of its own stands where its table does."""
        known = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in self.lines), ())
        return Origin("file", FILE_NAME, self.lines.get(known))


@dataclass(frozen=True)
class Loaded:
    """The effective settings, and how they came about."""

    settings: Settings
    context: str
    chosen_by: str
    root: Path
    file: SettingsFile
    origins: Mapping[KeyPath, Origin]

    def origin(self, path: KeyPath) -> Origin:
        """Where the value at `path` was set."""
        return nearest_origin(self.origins, path)


def load(start: Path, environ: Mapping[str, str]) -> Loaded:
    """The settings that hold for a command started in `start`; anything wrong in them is a `WrongUse`."""
    root = project_root(start)
    file = read_file(root / FILE_NAME)
    context, chosen_by = choose_context(file, root, environ)
    variables, environment_origins = read_environment(environ)
    table = file.contexts.get(context, {})
    stack, stack_origins = read_stack(root) if context == BUILT_IN_CONTEXT else ({}, {})
    merged = merge(merge(merge(BUILT_IN, table), stack), variables)
    origins = {path: file.origin(("contexts", context, *path)) for path in leaves(table)}
    origins |= {**stack_origins, **environment_origins}
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        raise explain(error, Settings, (), lambda path: nearest_origin(origins, path)) from None
    home = Path(environ.get("HOME") or Path.home())
    return Loaded(settings.anchored(root, home), context, chosen_by, root, file, origins)


def nearest_origin(origins: Mapping[KeyPath, Origin], path: KeyPath) -> Origin:
    """The origin of a value, of the list it stands in, or of the first value inside the table that it is."""
    above = (origins[path[:end]] for end in range(len(path), 0, -1) if path[:end] in origins)
    inside = (origin for place, origin in origins.items() if place[: len(path)] == path)
    return next(above, None) or next(inside, Origin("default", "default"))


def read_file(path: Path) -> SettingsFile:
    """Parse and check a slipway.toml; a missing one is an empty one."""
    if not os.path.lexists(path):
        return SettingsFile(None, None, {}, {})
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = tomllib.loads(text)
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror}.", mend=f"ls -l {path}") from None
    except UnicodeDecodeError:
        raise WrongUse(f"{path} is not UTF-8 text.", mend="Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise WrongUse(f"{path} is not TOML: {error}", mend="Correct that line; `#` starts a comment.") from None
    file = SettingsFile(path, content.get("context"), content.get("contexts", {}), statement_lines(text))
    check_shape(content, file)
    for name, table in file.contexts.items():
        check_table(("contexts", name), table, file)
        refuse_secrets(("contexts", name), table, file)
    return file


def read_stack(root: Path) -> tuple[Table, Mapping[KeyPath, Origin]]:
    """What a local stack that runs here says, and where; nothing where there is none."""
    try:
        text = stack_file(root).read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except FileNotFoundError:
        return {}, {}
    except (OSError, ValueError) as error:
        raise WrongUse(
            f"{stack_file(root)} cannot be read: {error}.", mend="slipway local down; then slipway local up writes it."
        ) from None
    lines = statement_lines(text)
    return table, {path: Origin("file", STACK_FILE_NAME, lines.get(path)) for path in leaves(table)}


def check_shape(content: Table, file: SettingsFile) -> None:
    """The file's own keys and their kinds."""
    kinds: dict[str, type] = {"context": str, "contexts": dict}
    for name, value in content.items():
        if name not in kinds:
            raise WrongUse(
                f"{file.origin((name,))}: `{name}` is not a table of this file.",
                mend=f"{suggestion(name, kinds)} Settings stand under [contexts.NAME].",
            )
        if not isinstance(value, kinds[name]):
            wanted = "a table" if kinds[name] is dict else "a context's name in quotes"
            raise WrongUse(
                f"{file.origin((name,))}: `{name}` is {'a table' if isinstance(value, dict) else repr(value)}, "
                f"expected {wanted}.",
                mend="Settings stand under [contexts.NAME].",
            )


def check_table(prefix: KeyPath, table: object, file: SettingsFile) -> None:
    """One table of settings by itself, so that what is wrong is told with this file's line."""
    try:
        Settings.model_validate(table)
    except ValidationError as error:
        raise explain(error, Settings, prefix, file.origin) from None


def refuse_secrets(prefix: KeyPath, table: Table, file: SettingsFile) -> None:
    """The file is shared and versioned; a secret in it is one no longer."""
    for path in leaves(table):
        if is_secret(Settings, path):
            raise WrongUse(
                f"{file.origin(prefix + path)}: `{'.'.join(prefix + path)}` is a secret, "
                "and this file is no place for one.",
                mend=f"Remove it there, and set {variable_of(path)}. If the file was committed, change the secret.",
            )


def choose_context(file: SettingsFile, root: Path, environ: Mapping[str, str]) -> tuple[str, str]:
    """The context's name, and what chose it."""
    named = (
        (environ.get("SLIPWAY_CONTEXT"), "SLIPWAY_CONTEXT or --context"),
        (read_chosen_context(root), "slipway context use"),
        (file.context, f"`context` in {FILE_NAME}"),
        (BUILT_IN_CONTEXT, "built in"),
    )
    name, chosen_by = next((name, by) for name, by in named if name)
    if name not in file.names():
        where = file.path or f"{root / FILE_NAME}, which does not exist"
        raise WrongUse(
            f"There is no context `{name}` (chosen by {chosen_by}) in {where}.", mend=suggestion(name, file.names())
        )
    return name, chosen_by


def merge(below: Table, above: Table) -> Table:
    """A new table: tables merge key by key, everything else is replaced by what lies above."""
    merged = dict(below)
    for name, value in above.items():
        lower = merged.get(name)
        merged[name] = merge(lower, value) if isinstance(lower, dict) and isinstance(value, dict) else value
    return merged
