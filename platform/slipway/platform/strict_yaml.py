"""Reading a file of YAML strictly: every slip at once, with file, line and the name that was most likely meant.

YAML as people mean it: `on` is a word and no truth, `22:30` a text and no number, a key stands once, and there are no
anchors and no tags. What a
file may say is a pydantic model's; a `Form` says what such a file is called where something is wrong with it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion

LARGEST: Final = 256 * 1024
LONGEST_SHOWN: Final = 60
Place = tuple[str, ...]
Lines = Mapping[Place, int]
T = TypeVar("T", bound=BaseModel)


class _Loader(yaml.SafeLoader):
    """YAML whose only truths are `true` and `false`, and whose numbers have no colons."""


def _plain(tag: str, pattern: re.Pattern[str]) -> re.Pattern[str]:
    """Without numbers to the base 60."""
    colons = tag in {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
    return re.compile(rf"(?![^:]*:)(?:{pattern.pattern})", re.VERBOSE) if colons else pattern


_Loader.yaml_implicit_resolvers = {
    first: [(tag, _plain(tag, pattern)) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


@dataclass(frozen=True)
class Form(Generic[T]):
    """A kind of file."""

    kind: type[T]
    """What it may say."""
    name: str
    """What such a file is called, such as `declaration`."""
    error: type[WrongUse]
    """What is raised."""
    begins: str
    """What to do where there is nothing yet, or something else."""

    def read(self, path: Path) -> T:
        """What the file says."""
        node = self._composed(path)
        lines = dict(self._lines(path, node))
        try:
            content = _Loader("").construct_document(node)
        except yaml.YAMLError as error:
            raise self._not_yaml(path, error) from None
        if not isinstance(content, dict):
            raise self.error(f"{path}: names with values were expected.", mend=self.begins)
        try:
            return self.kind.model_validate(content)
        except ValidationError as error:
            findings = [self._finding(detail, lines) for detail in error.errors(include_url=False)]
        message = "\n".join(f"{path}:{_line(lines, place)}: {what}" for place, what, _ in findings)
        raise self.error(message, mend=next((mend for *_, mend in findings if mend), None))

    def _composed(self, path: Path) -> yaml.Node:
        try:
            if path.stat().st_size > LARGEST:
                raise self.error(f"{path} has more than {LARGEST:,} bytes: that is no {self.name}.")
            node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)
        except FileNotFoundError:
            raise self.error(f"{path} does not exist.", mend=self.begins) from None
        except OSError as error:
            raise self.error(f"{path}: {error.strerror}.") from None
        except UnicodeDecodeError:
            raise self.error(f"{path} is no text in UTF-8.") from None
        except yaml.YAMLError as error:
            raise self._not_yaml(path, error) from None
        if node is None:
            raise self.error(f"{path} is empty.", mend=self.begins)
        return node

    def _not_yaml(self, path: Path, error: yaml.YAMLError) -> WrongUse:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        return self.error(f"{path}{line}: this is no YAML: {getattr(error, 'problem', None) or error}.")

    def _lines(self, path: Path, root: yaml.Node) -> Iterator[tuple[Place, int]]:
        """The line of everything in the tree; what stands twice or is built from elsewhere is refused."""
        seen: set[int] = set()
        todo: list[tuple[Place, yaml.Node]] = [((), root)]
        while todo:
            place, node = todo.pop()
            if id(node) in seen:
                raise self.error(f"{path}:{node.start_mark.line + 1}: anchors are not understood here.")
            seen.add(id(node))
            yield place, node.start_mark.line + 1
            if isinstance(node, yaml.SequenceNode):
                todo += [((*place, str(number)), one) for number, one in enumerate(node.value)]
            elif isinstance(node, yaml.MappingNode):
                keys: set[str] = set()
                for key, value in node.value:
                    line = key.start_mark.line + 1
                    name = str(key.value)
                    if name in keys:
                        raise self.error(f"{path}:{line}: `{name}` stands there twice.", mend="Keep one.")
                    keys.add(name)
                    yield (*place, name, "key"), line
                    todo.append(((*place, name), value))

    def _finding(self, detail: ErrorDetails, lines: Lines) -> tuple[Place, str, str | None]:
        """Where something is wrong, what, and what to do about it."""
        place = tuple(str(part) for part in detail["loc"])
        while detail["type"] != "missing" and place and place not in lines:
            place = place[:-1]  # a part that says which of several types was tried
        name = f"`{'.'.join(place)}`" if place else f"The {self.name}"
        match detail["type"]:
            case "extra_forbidden":
                return place, f"{name} is unknown.", suggestion(place[-1], _known(self.kind, place[:-1]))
            case "missing":
                return place, f"{name} is missing.", None
            case "literal_error":
                valid = str(detail["ctx"]["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
                return place, f"{name} is {_shown(detail['input'])}.", suggestion(str(detail["input"]), valid)
            case "value_error":
                said = detail["msg"].removeprefix("Value error, ").rstrip(".")
                shown = "" if isinstance(detail["input"], dict) else f" is {_shown(detail['input'])}"
                return place, f"{name}{shown}: {said}{'' if said.endswith('?') else '.'}", None
        return place, f"{name} is {_shown(detail['input'])}. {detail['msg']}.", None


def _line(lines: Lines, place: Place) -> int:
    """The line of a place: of its key where it has one, else of what is around it."""
    for end in range(len(place), 0, -1):
        line = lines.get((*place[:end], "key")) or lines.get(place[:end])
        if line is not None:
            return line
    return 1


def _known(kind: Any, place: Place) -> Sequence[str]:  # noqa: ANN401 - an annotation
    """The names that are valid at a place of the schema."""
    for part in place:
        kind = _inside(kind, part)
    model = next((one for one in _pieces(kind)), None)
    return [] if model is None else [field.alias or name for name, field in model.model_fields.items()]


def _inside(kind: Any, part: str) -> Any:  # noqa: ANN401 - an annotation
    """The annotation of what lies under a name or number of an annotated value."""
    model = next(iter(_pieces(kind)), None)
    if model is None:
        return None
    by_name = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    return by_name.get(part, model)


def _pieces(kind: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - an annotation
    """The models in an annotation such as `tuple[Floor, ...]` or `Calibration | None`."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for argument in get_args(kind):
        yield from _pieces(argument)


def _shown(value: object) -> str:
    """A value in a message, short."""
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = f"`{str(value).lower() if isinstance(value, bool) else value}`"
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 4]}...`"
