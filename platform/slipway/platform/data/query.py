"""The filter language of `--where`: from text to a tree, with the place of every word.

    camera = north and day >= 2026-03-01 and light in (night, dusk)
    not (weather is none or split != test) and box(category = van and occlusion > 0.5)

Comparisons (`=`, `!=`, `<`, `<=`, `>`, `>=`, `~` for "contains", `in`, `not in`, `is none`, `is not none`) are joined
by `not`, `and`, `or` and parentheses; `box(...)` asks for one box that fits all of it. Values are bare words or quoted.
Nothing is ever evaluated as code; what columns and values mean is left to `selection`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from slipway.platform.errors import WrongUse

KEYWORDS: Final = ("and", "or", "not", "in", "is", "none", "box")
OPERATORS: Final = ("=", "==", "!=", "<", "<=", ">", ">=", "~")
NESTING: Final = 50
GRAMMAR: Final = "Example: camera=north and day>=2026-03-01 and light in (night, dusk)"

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<operator>==|!=|<=|>=|[=<>~])|(?P<mark>[(),])
    |(?P<quoted>"[^"]*"|'[^']*')|(?P<word>[^\s=!<>~(),"']+))""",
    re.VERBOSE,
)


class BadQuery(WrongUse):
    """The text of a filter cannot be understood; the message points at the place."""


@dataclass(frozen=True)
class Token:
    """A word of the text, and where it begins; a quoted one is never a keyword."""

    text: str
    start: int
    kind: str

    @property
    def keyword(self) -> str:
        """The keyword that this is, or nothing."""
        return self.text.lower() if self.kind == "word" and self.text.lower() in KEYWORDS else ""


@dataclass(frozen=True)
class Compare:
    """A column against one value (`=`, `<`, ...), several (`in`), or none (`is none`)."""

    column: Token
    operator: str
    values: tuple[Token, ...]


@dataclass(frozen=True)
class Not:
    """Everything that the inner expression leaves out."""

    inner: "Expression"


@dataclass(frozen=True)
class Join:
    """`and` or `or` of several expressions."""

    operator: str
    parts: "tuple[Expression, ...]"


@dataclass(frozen=True)
class AnyBox:
    """An image with at least one box that fits."""

    inner: "Expression"


Expression = Compare | Not | Join | AnyBox


def parse(text: str) -> Expression:
    """The tree of a filter; a `BadQuery` shows where the text stops making sense."""
    return _Parser(text).whole()


def bad_query(text: str, token: Token, problem: str, mend: str) -> BadQuery:
    """An error that shows the text with a mark under the word that is meant."""
    width = max(1, len(token.text))
    flat = text.replace("\n", " ").replace("\t", " ")
    return BadQuery(
        f"In the filter, at character {token.start + 1}: {problem}.",
        mend=f"  {flat}\n  {' ' * token.start}{'^' * width}\n{mend}",
    )


def _tokens(text: str) -> list[Token]:
    found, position = [], 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            odd = Token(text[start], start, "mark")
            raise bad_query(text, odd, f"`{odd.text}` is not expected here", "A quoted value ends with the same quote.")
        kind = match.lastgroup or ""
        word = match.group(kind)
        found.append(Token(word[1:-1] if kind == "quoted" else word, match.start(kind), kind))
        position = match.end()
    return found


class _Parser:
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0

    def whole(self) -> Expression:
        expression = self._either()
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            raise self._wrong(token, f"`{token.text}` is left over; `and` or `or` was expected")
        return expression

    def _either(self) -> Expression:
        return self._chain("or", self._both)

    def _both(self) -> Expression:
        return self._chain("and", self._one)

    def _chain(self, operator: str, part: Callable[[], Expression]) -> Expression:
        parts = [part()]
        while self._take(operator):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Join(operator, tuple(parts))

    def _one(self) -> Expression:
        if self._take("not"):
            self._deeper()
            inner: Expression = Not(self._one())
        elif self._take("("):
            inner = self._inside()
        elif self._peek(1) == "(" and self._take("box"):
            self._expect("(")
            inner = AnyBox(self._inside())
        else:
            return self._comparison()
        self._depth -= 1
        return inner

    def _inside(self) -> Expression:
        self._deeper()
        inner = self._either()
        self._expect(")")
        return inner

    def _deeper(self) -> None:
        """Counted, so that no text makes Python's own stack overflow."""
        self._depth += 1
        if self._depth > NESTING:
            raise self._wrong(self._tokens[self._next - 1], f"this is nested more than {NESTING} deep")

    def _comparison(self) -> Expression:
        column = self._word("a column")
        operator = self._token("an operator such as `=`, `in` or `is none`")
        if operator.kind == "operator":
            return self._against_one(column, operator)
        match operator.keyword:
            case "in":
                return Compare(column, "in", self._values())
            case "not" if self._take("in"):
                return Not(Compare(column, "in", self._values()))
            case "is":
                negated = self._take("not")
                self._expect("none")
                missing = Compare(column, "is none", ())
                return Not(missing) if negated else missing
        raise self._wrong(
            operator, f"`{operator.text}` is no operator", f"Operators: {', '.join(OPERATORS)}, in, is none."
        )

    def _against_one(self, column: Token, operator: Token) -> Expression:
        value = self._word("a value")
        if value.keyword == "none" and operator.text in {"=", "==", "!="}:
            missing = Compare(column, "is none", ())
            return Not(missing) if operator.text == "!=" else missing
        if operator.text == "!=":
            return Not(Compare(column, "=", (value,)))
        return Compare(column, "=" if operator.text == "==" else operator.text, (value,))

    def _values(self) -> tuple[Token, ...]:
        self._expect("(")
        values = [self._word("a value")]
        while self._take(","):
            values.append(self._word("a value"))
        self._expect(")")
        return tuple(values)

    def _peek(self, ahead: int = 0) -> str:
        position = self._next + ahead
        return _sign(self._tokens[position]) if position < len(self._tokens) else ""

    def _take(self, sign: str) -> bool:
        if self._peek() != sign:
            return False
        self._next += 1
        return True

    def _expect(self, sign: str) -> None:
        token = self._token(f"`{sign}`")
        if _sign(token) != sign:
            raise self._wrong(token, f"`{token.text}` stands where `{sign}` was expected")

    def _word(self, wanted: str) -> Token:
        token = self._token(wanted)
        if token.kind not in {"word", "quoted"}:
            raise self._wrong(token, f"`{token.text}` stands where {wanted} was expected")
        return token

    def _token(self, wanted: str) -> Token:
        if self._next >= len(self._tokens):
            end = Token("", len(self._text.rstrip()), "end")
            raise self._wrong(end, f"the filter ends where {wanted} was expected")
        self._next += 1
        return self._tokens[self._next - 1]

    def _wrong(self, token: Token, problem: str, mend: str = GRAMMAR) -> BadQuery:
        return bad_query(self._text, token, problem, mend)


def _sign(token: Token) -> str:
    """What a token is to the grammar: a keyword, a mark, or nothing."""
    return token.keyword or (token.text if token.kind == "mark" else "")
