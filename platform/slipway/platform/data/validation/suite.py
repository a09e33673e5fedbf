"""Suites: files of expectations, read strictly.

A suite is a YAML list of `{expectation, table, severity, kwargs, note}`. Everything that can be known without the data
is checked here, before a process starts: unknown keys, expectations, tables, columns and arguments are refused with
file and line, and with the name that was most likely meant. A suite is called after its file,
`snapshot.expectations.yaml`, or, where that is plainly `expectations.yaml`, after its folder.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from slipway.platform.canonical import canonical
from slipway.platform.data.schema import SLICE_PREFIX
from slipway.platform.data.validation.errors import BadSuite
from slipway.platform.data.validation.verdict import Severity
from slipway.platform.data.validation.vocabulary import COLUMN_KEYS, COLUMNS, NATIVE, OURS
from slipway.platform.names import suggestion

SUFFIX: Final = ".yaml"
PLAIN: Final = "expectations"
LARGEST: Final = 1024 * 1024


class Expectation(BaseModel):
    """One line of a suite."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    expectation: str
    table: str
    severity: Severity = Severity.BLOCKING
    kwargs: Mapping[str, Any] = {}
    note: str = ""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.expectation in OURS:
            _check_ours(self)
        else:
            _check_native(self)
        return self

    @property
    def native(self) -> bool:
        """Whether Great Expectations has it."""
        return self.expectation in NATIVE


class Suite(BaseModel):
    """A named list of expectations."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    place: str
    expectations: tuple[Expectation, ...]


def suites_digest(suites: Iterable[Suite]) -> str:
    """The name of a set of suites: by what they say, wherever their files are."""
    said = [one.model_dump(mode="json", exclude={"place"}) for one in sorted(suites, key=lambda suite: suite.name)]
    return hashlib.sha256(canonical(said)).hexdigest()


def general_suite() -> Suite:
    """What holds for every snapshot."""
    return read_suite(Path(__file__).with_name("snapshot.expectations.yaml"))


def read_suite(path: Path) -> Suite:
    """A suite from its file."""
    try:
        text = _text(path)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise BadSuite(f"{path}{line}: {getattr(error, 'problem', None) or 'no YAML'}.") from None
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        raise BadSuite(
            f"{path}: a list of expectations was expected.",
            mend="Begin each with `- expectation: expect_...`.",
        )
    return Suite(name=_name(path), place=str(path), expectations=tuple(_expectation(path, one) for one in node.value))


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise BadSuite(f"{path} has more than {LARGEST:,} bytes: that is no list of expectations.")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BadSuite(f"{path} is no text in UTF-8.") from None
    except OSError as error:
        raise BadSuite(f"{path}: {error.strerror}.", mend="--suite takes a file of expectations.") from None


def _name(path: Path) -> str:
    stem = path.name.removesuffix(SUFFIX)
    return path.resolve().parent.name if stem == PLAIN else stem.removesuffix(f".{PLAIN}")


def _expectation(path: Path, node: yaml.Node) -> Expectation:
    place = f"{path}, line {node.start_mark.line + 1}"
    lines = _lines(node, place)
    loader = yaml.SafeLoader("")
    try:
        value = loader.construct_document(node)
    except yaml.YAMLError as error:
        raise BadSuite(f"{place}: {getattr(error, 'problem', None) or error}.") from None
    try:
        return Expectation.model_validate(value)
    except BadSuite as error:
        raise BadSuite(f"{place}: {error}", mend=error.mend) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        where = f"{path}, line {lines.get(key, node.start_mark.line + 1)}"
        if first["type"] == "extra_forbidden":
            raise BadSuite(f"{where}: `{key}` is unknown.", mend=suggestion(key, Expectation.model_fields)) from None
        raise BadSuite(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from None


def _lines(node: yaml.Node, place: str) -> Mapping[str, int]:
    """The line of each key; one that stands twice is refused."""
    if not isinstance(node, yaml.MappingNode):
        raise BadSuite(
            f"{place}: a mapping with `expectation` and `table` was expected.",
            mend="Write `- expectation: expect_...` and, below it, `table: index`.",
        )
    lines: dict[str, int] = {}
    for key, value in node.value:
        if str(key.value) in lines:
            raise BadSuite(f"{place}: `{key.value}` stands there twice.", mend="Keep one.")
        lines[str(key.value)] = key.start_mark.line + 1
        if isinstance(value, yaml.MappingNode):
            _lines(value, place)
    return lines


def _check_ours(one: Expectation) -> None:
    table, parameters = OURS[one.expectation]
    if one.table != table:
        raise BadSuite(f"{one.expectation} looks at `{table}`, not at `{one.table}`.", mend=f"Write `table: {table}`.")
    _refuse_unknown("argument", one.kwargs, parameters.model_fields)
    try:
        parameters.model_validate(one.kwargs)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadSuite(f"{one.expectation}: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from None


def _check_native(one: Expectation) -> None:
    _refuse_unknown("expectation", [one.expectation], [*NATIVE, *OURS])
    _refuse_unknown("table", [one.table], COLUMNS)
    shape = NATIVE[one.expectation]
    _refuse_unknown("argument", one.kwargs, shape.required | shape.optional)
    if missing := sorted(shape.required - set(one.kwargs)):
        raise BadSuite(f"{one.expectation} needs `{missing[0]}`.", mend="Write it under `kwargs`.")
    for column in columns_of(one):
        if not column.startswith(SLICE_PREFIX):
            _refuse_unknown(f"column of {one.table}", [column], COLUMNS[one.table])


def columns_of(one: Expectation) -> list[str]:
    """The columns that an expectation names."""
    named = [one.kwargs[key] for key in COLUMN_KEYS if key in one.kwargs]
    return [str(name) for value in named for name in (value if isinstance(value, list | tuple) else [value])]


def _refuse_unknown(what: str, names: Iterable[str], valid: Collection[str]) -> None:
    for name in names:
        if name not in valid:
            raise BadSuite(f"`{name}` is no {what} that there is.", mend=suggestion(str(name), valid))
