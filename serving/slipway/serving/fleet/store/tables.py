"""The tables of the fleet store.

Times are whole milliseconds since 1970 in UTC, digests are hexadecimal, lists are JSON. `migrations` makes the same
tables step by step; a test holds the two against each other.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text

METADATA: Final = MetaData()
_Number = BigInteger().with_variant(Integer, "sqlite")
"""Of a row; SQLite counts only in its own kind."""


def _key(name: str, kind: object) -> Column[object]:
    return Column(name, kind, primary_key=True, autoincrement=False)  # type: ignore[arg-type]


ABOUT: Final = Table(
    "about",
    METADATA,
    _key("name", String(64)),
    Column("value", Text, nullable=False),
)
"""What the store remembers of itself."""

DEVICES: Final = Table(
    "devices",
    METADATA,
    _key("id", String(64)),
    Column("device_class", String(64), nullable=False),
    Column("site", String(64), index=True),
    Column("cohorts", Text, nullable=False),
    Column("models", Text, nullable=False),
    Column("public_key", String(64), nullable=False),
    Column("token", String(64), nullable=False),
    Column("enrolled_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)

HEARD: Final = Table(
    "heard",
    METADATA,
    _key("device", String(64)),
    Column("sequence", BigInteger, nullable=False),
    Column("at", BigInteger),
    Column("clock_ms", BigInteger, nullable=False),
    Column("left", BigInteger, nullable=False),
    Column("said", String(64), nullable=False),
    Column("agent", String(16), nullable=False),
    Column("site_sequence", BigInteger, nullable=False),
    Column("streams", Text, nullable=False),
    Column("unreadable", BigInteger, nullable=False),
)
"""What changes with each report; apart from `devices`, so that little is written. `said` is the digest of what it said
of its models: where that is the same, nothing else is looked at."""

TOKENS: Final = Table(
    "tokens",
    METADATA,
    _key("digest", String(64)),
    Column("root", String(64), nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("device", String(64)),
    Column("device_class", String(64)),
    Column("site", String(64)),
    Column("cohorts", Text, nullable=False),
    Column("models", Text, nullable=False),
    Column("used_at", BigInteger),
    Column("used_by", String(64)),
    Column("withdrawn_at", BigInteger),
)

ROOTS: Final = Table(
    "roots",
    METADATA,
    _key("digest", String(64)),
    Column("data", LargeBinary, nullable=False),
)
"""Root metadata that tokens name."""

AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("what", String(16), nullable=False),
    Column("device", String(64), index=True),
    Column("person", String(64), nullable=False),
    Column("about", Text, nullable=False),
    Column("signed", LargeBinary, nullable=False),
)
"""Who made and withdrew tokens, which device used one, who revoked what; with the request as it was signed."""

STANDINGS: Final = Table(
    "standings",
    METADATA,
    _key("device", String(64)),
    _key("model", String(64)),
    Column("phase", String(16), nullable=False),
    Column("release", BigInteger),
    Column("bundle", String(64)),
    Column("variant", String(64)),
    Column("provider", String(32), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("shadow", BigInteger),
    Column("coming", BigInteger),
    Column("bad", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    Index("standings_by_release", "model", "release"),
)
"""What each device runs now."""

SPANS: Final = Table(
    "spans",
    METADATA,
    _key("device", String(64)),
    _key("model", String(64)),
    _key("begin", BigInteger),
    Column("end", BigInteger),
    Column("release", BigInteger),
    Column("bundle", String(64)),
    Column("variant", String(64)),
    Index("spans_by_time", "model", "begin"),
    sqlite_with_rowid=False,
)
"""What ran where and when; the last of a device and model has no end."""

SUBJECTS: Final = Table(
    "subjects",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("name", String(256), nullable=False, unique=True),
    Column("model", String(64), nullable=False, index=True),
    Column("release", BigInteger),
)
"""Model, release and bundle, as telemetry names them."""


def _level(name: str) -> Table:
    """A row for what one device did with one subject in a span of time that begins at `at`."""
    return Table(
        name,
        METADATA,
        _key("subject", Integer),
        _key("at", BigInteger),
        _key("device", String(64)),
        Column("first", BigInteger, nullable=False),
        Column("last", BigInteger, nullable=False),
        Column("counts", Text, nullable=False),
        Column("latency", LargeBinary, nullable=False),
        Column("running", LargeBinary, nullable=False),
        Column("divergence", Text, nullable=False),
        Column("seen", Text, nullable=False),
        sqlite_with_rowid=False,
    )


WINDOWS: Final = _level("windows")
"""As they came."""
HOURS: Final = _level("hours")
"""Added up by hours."""
DAYS: Final = _level("days")
"""Added up by days."""

NAMES: Final = Table(
    "names",
    METADATA,
    _key("device", String(64)),
    _key("generation", String(16)),
    Column("ranges", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)
"""Which records of a spool are stored, as ranges of their numbers."""

STRANGE: Final = Table(
    "strange",
    METADATA,
    _key("device", String(64)),
    _key("what", String(16)),
    Column("count", BigInteger, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
)
"""What somebody should look at: another key under a device's id, one that was revoked and still reports."""

NONCES: Final = Table(
    "nonces",
    METADATA,
    _key("nonce", String(64)),
    Column("until", BigInteger, nullable=False, index=True),
)
"""Of people's signed requests, as long as they could be sent again."""

SESSIONS: Final = Table(
    "sessions",
    METADATA,
    _key("digest", String(64)),
    Column("person", String(64), nullable=False),
    Column("keyid", String(64), nullable=False),
    Column("begun", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False, index=True),
    Column("opening", Integer, nullable=False),
    Column("signed", LargeBinary, nullable=False),
)
"""Sessions of people at the console; `opening` is 1 for the one-time address of a session."""

SAMPLES: Final = Table(
    "samples",
    METADATA,
    _key("decision", String(128)),
    Column("device", String(64), nullable=False),
    Column("subject", Integer, nullable=False),
    Column("at", BigInteger, nullable=False, index=True),
    Column("why", String(64), nullable=False),
    Column("confidence", Float),
    Column("novelty", Float),
    Column("size", BigInteger, nullable=False),
    Column("picture", LargeBinary, nullable=False),
    Column("told", Text),
    Index("samples_by_device", "device", "at"),
    Index("samples_by_subject", "subject", "at"),
)
"""Pictures that a policy asked for; `told` is what the device said of it: the stream, and its answer."""

OUTCOMES: Final = Table(
    "outcomes",
    METADATA,
    _key("decision", String(128)),
    _key("source", String(64)),
    Column("device", String(64), nullable=False),
    Column("site", String(64)),
    Column("model", String(64), nullable=False),
    Column("release", BigInteger),
    Column("bundle", String(64), nullable=False),
    Column("right", Integer, nullable=False),
    Column("truth", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("told_at", BigInteger, nullable=False),
    Column("told_by", String(64), nullable=False),
    Index("outcomes_by_time", "model", "at"),
    Index("outcomes_by_release", "model", "release"),
)
"""What decisions should have been."""

NOTICES: Final = Table(
    "notices",
    METADATA,
    _key("cause", String(256)),
    Column("weight", String(16), nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("model", String(64)),
    Column("site", String(64)),
    Column("count", BigInteger, nullable=False),
    Column("raised", Integer, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("gone_at", BigInteger),
    Column("ended_at", BigInteger),
)
"""What needs a person; `raised` is 1 where somebody told it and somebody ends it, 0 where it is seen at each look."""

SENDINGS: Final = Table(
    "sendings",
    METADATA,
    _key("cause", String(256)),
    _key("place", String(64)),
    Column("told_at", BigInteger),
    Column("weight", String(16)),
    Column("claim", String(32)),
    Column("claimed_until", BigInteger),
    Column("failed", Integer, nullable=False),
)
"""What was sent where, and who is sending now; `place` is a digest of the address, which is a secret."""

SILENCES: Final = Table(
    "silences",
    METADATA,
    _key("cause", String(256)),
    Column("until", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("person", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
)
"""Causes of which nobody hears until a moment."""

LOOKS: Final = Table(
    "looks",
    METADATA,
    _key("model", String(64)),
    Column("at", BigInteger, nullable=False),
    Column("told", Text, nullable=False),
)
"""What the controller concluded at its last look at a model, for people; no look rests on it."""
