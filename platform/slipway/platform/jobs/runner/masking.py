"""Keeping the values of a job's secrets out of what is stored of it.

A value is replaced by as many asterisks as it has bytes, so that every offset in a log stays. Values that are written
otherwise, quoted for an address or for JSON, are found too; a value of several lines is found line by line. What a
program changes beyond that is not recognised, and values of fewer than four bytes stand for too much to be replaced.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote

SHORTEST: Final = 4


class Masks:
    """Replaces these values."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms = {form for value in values for form in _forms(value) if len(form) >= SHORTEST}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile(b"|".join(map(re.escape, longest_first))) if forms else None

    def data(self, data: bytes) -> bytes:
        """The bytes without the values."""
        return self._pattern.sub(lambda found: b"*" * len(found.group()), data) if self._pattern else data

    def text(self, text: str) -> str:
        """The text without the values."""
        return self.data(text.encode(errors="surrogatepass")).decode(errors="replace") if self._pattern else text


NOTHING: Final = Masks()


def _forms(value: str) -> Iterator[bytes]:
    for line in (value, *value.splitlines()):
        for form in (line, line.strip(), quote(line, safe=""), json.dumps(line)[1:-1]):
            yield form.encode(errors="surrogatepass")
