"""Finding secrets in text that others will be able to read: code archives, diffs.

Only patterns of high confidence: private key blocks, access keys and tokens with a vendor's own mark, and long random
strings that are given to a name such as `password`. A finding says file, line and kind, never the secret. A line that
ends in a remark `not-a-secret` is passed.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from slipway.platform.masking import MASK
from slipway.platform.runs.errors import SecretFound

ALLOWED: Final = "not-a-secret"
"""Said in a remark on the line, this passes it."""
RANDOM_BITS: Final = 3.3
"""Entropy of a character from which a string counts as random: words have less, keys in hex or base64 more."""
SHOWN: Final = 5

_MARKED: Final = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    "an AWS access key": re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])"),
    "a GitHub token": re.compile(r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})"),
    "a GitLab token": re.compile(r"(?<![A-Za-z0-9])gl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_-]{20,}"),
    "a PyPI token": re.compile(r"(?<![A-Za-z0-9])pypi-AgE[A-Za-z0-9_-]{40,}"),
    "a Hugging Face token": re.compile(r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,}"),
    "a Slack token": re.compile(r"(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{20,}"),
    "a Google API key": re.compile(r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    "a Stripe key": re.compile(r"(?<![A-Za-z0-9])[rs]k_live_[A-Za-z0-9]{20,}"),
    "a JSON web token": re.compile(r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}"),
    "a password in an address": re.compile(
        r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,30}://[^/\s:@\"'{}<>$]+:(?P<value>[^/\s:@\"'{}<>$*]{8,})@"
    ),
}
_GIVEN: Final = re.compile(
    r"(?i)(?:password|passwd|secret|token|api_?key|access_?key|private_?key|credentials?)[\"'\w]*\s*(?:=|:|=>)\s*"
    r"(?:[rbf]{0,2})(?P<quote>[\"']?)(?P<value>[A-Za-z0-9+/=_.~-]{16,})(?P=quote)\s*(?:[,;)\]}#]|$)"
)
_CODE: Final = re.compile(r"[A-Za-z_]+(?:[.-][A-Za-z_]+)*|[A-Za-z_]\w{0,20}(?:\.[A-Za-z_]\w{0,20})+")
"""Names and words: `settings.password`, `read_from_the_vault`, `s3.access_key_id`."""


@dataclass(frozen=True)
class Finding:
    """Something that looks like a secret, without saying it."""

    file: str
    line: int
    kind: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.kind}"


def scan(file: str, data: bytes) -> list[Finding]:
    """The lines of a text that look like secrets; what is no text is passed."""
    if b"\0" in data[:8192]:
        return []
    lines = data.decode(errors="replace").splitlines()
    found = []
    for number, line in enumerate(lines, start=1):
        if ALLOWED not in line and (kind := next((kind for kind, _ in _secrets(line)), None)):
            found.append(Finding(file, number, kind))
    return found


def without_secrets(text: str) -> tuple[str, int]:
    """The text with whatever looks like a secret masked, and how many there were; key blocks go as a whole."""
    count = 0
    kept = []
    inside = False
    for line in text.splitlines(keepends=True):
        told = line
        if inside or _MARKED["a private key"].search(line):
            count += not inside
            inside = "-----END " not in line
            told = f"{MASK}\n"
        else:
            for _, secret in _secrets(line):
                told = told.replace(secret, MASK)
                count += 1
        kept.append(told)
    return "".join(kept), count


def refuse(findings: Sequence[Finding], what: str) -> None:
    """Stop when there are any."""
    if not findings:
        return
    told = "\n".join(map(str, findings[:SHOWN])) + (
        f"\n… and {len(findings) - SHOWN} more" if len(findings) > SHOWN else ""
    )
    raise SecretFound(
        f"{what} would be stored for others to read, and holds what looks like {len(findings)} secret"
        f"{'s' if len(findings) > 1 else ''}:\n{told}",
        mend="Take it out and read it from the environment; a real one is to be replaced at its issuer. "
        f"Where it is none, say `# {ALLOWED}` on that line.",
    )


def _secrets(line: str) -> Iterator[tuple[str, str]]:
    """Each with its kind."""
    for kind, pattern in _MARKED.items():
        for match in pattern.finditer(line):
            value = match.groupdict().get("value")
            if value is None or not _CODE.fullmatch(value):
                yield kind, value or match.group()
    for match in _GIVEN.finditer(line):
        value = match.group("value")
        if not _CODE.fullmatch(value) and _bits(value) >= RANDOM_BITS and any(map(str.isdigit, value)):
            yield "a random string given to a secret's name", value


def _bits(text: str) -> float:
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)
