"""Keys: the names of objects, the same in every kind of store.

A key is one or more segments joined by `/`. A segment begins with a letter, a digit or `_` and goes on with those or
`. - + = @`; so there are no empty segments, no `..`, no hidden names (a directory store keeps its temporaries in one),
and nothing that a URL, a shell or a file system would read differently.

A last segment `sha256-<64 hex digits>`, with or without a suffix such as `.onnx`, names the object's content, and the
store holds it to that. A last segment that begins with `sha256-` and is not of that form is refused: a typing error
must not turn the check off.

Limits: 512 characters for a key and 200 for a segment, below what S3 and file systems allow with a prefix added. Keys
that differ only in case are different; a directory on a file system that folds case cannot hold both.
"""

import re

from slipway.platform.store.errors import BadKey

KEY_LENGTH = 512
SEGMENT_LENGTH = 200
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+=@-]*")
_CONTENT_NAME = re.compile(r"sha256-([0-9a-f]{64})(\.[A-Za-z0-9._+=@-]+)?")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAMES_CONTENT = "sha256-"


def broken_rule(key: str) -> str | None:
    """The rule that `key` breaks, or None for a good key."""
    if not key:
        return "a key is not empty"
    if len(key) > KEY_LENGTH:
        return f"a key has at most {KEY_LENGTH} characters, this one has {len(key)}"
    segments = key.split("/")
    for segment in segments:
        rule = _broken_segment_rule(segment)
        if rule is not None:
            return rule
    if segments[-1].startswith(_NAMES_CONTENT) and not _CONTENT_NAME.fullmatch(segments[-1]):
        return "a last segment that begins with `sha256-` goes on with 64 lower-case hex digits and a suffix or nothing"
    return None


def _broken_segment_rule(segment: str) -> str | None:
    if not segment:
        return "a key has no empty segment: no `/` at either end, no `//`"
    if segment.startswith("."):
        return f"no segment begins with a dot, `{segment}` does"
    if len(segment) > SEGMENT_LENGTH:
        return f"a segment has at most {SEGMENT_LENGTH} characters, one has {len(segment)}"
    if not _SEGMENT.fullmatch(segment):
        return f"a segment is letters, digits, `_` and, not first, `. - + = @`; `{segment}` is not"
    return None


def check_key(key: str) -> None:
    """Refuse a key that breaks a rule, naming both."""
    rule = broken_rule(key)
    if rule is not None:
        raise BadKey(f"`{key}` is not a key: {rule}.", mend="Keys look like `work/r1-0a1b/attempts/1/spec.json`.")


def check_prefix(prefix: str) -> None:
    """Refuse a prefix that no key can begin with; "" and a trailing `/` are fine."""
    rule = None
    for segment in prefix.removesuffix("/").split("/") if prefix else []:
        rule = rule or _broken_segment_rule(segment)
    if rule is not None or len(prefix) > KEY_LENGTH:
        raise BadKey(
            f"No key begins with `{prefix}`: {rule or f'a key has at most {KEY_LENGTH} characters'}.",
            mend="Prefixes look like `work/r1-0a1b/` or `ledger/0000`; the empty one means all keys.",
        )


def blob_key(prefix: str, digest: str, suffix: str = "") -> str:
    """The key of content named by its sha256: `blob_key("bundles", digest, ".tar")`; the prefix may be empty."""
    if not _DIGEST.fullmatch(digest):
        raise BadKey(f"`{digest}` is not a digest.", mend="A digest is the 64 lower-case hex digits of a sha256.")
    folder = prefix.removesuffix("/")
    key = f"{folder}/{_NAMES_CONTENT}{digest}{suffix}" if folder else f"{_NAMES_CONTENT}{digest}{suffix}"
    check_key(key)
    return key


def digest_named_by(key: str) -> str | None:
    """The sha256 that the content must have, if the key names one."""
    match = _CONTENT_NAME.fullmatch(key.rpartition("/")[2])
    return match.group(1) if match else None
