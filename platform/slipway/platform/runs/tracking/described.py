"""What MLflow is told about a piece of work besides its metrics: names, config, data, code, and who wanted it.

Everything comes from the records in the store, so that it can be told later, by somebody else. Parameters are what
names the work and never change; what belongs to one attempt is tags, of which the newest attempt's stand.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.runs.comparing.differences import flat
from slipway.platform.runs.errors import RunsError
from slipway.platform.runs.find import load_parts
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import AttemptSpec, Outcome
from slipway.platform.runs.standing import numbers, spec_of
from slipway.platform.runs.tracking.tracker import LONGEST_KEY, LONGEST_PARAM, LONGEST_TAG, Dataset
from slipway.platform.store import Store

if TYPE_CHECKING:
    from slipway.platform.data.manifest import Manifest

NOTE: Final = "mlflow.note.content"
DIGEST_LENGTH: Final = 36
"""All that MLflow has room for; the whole digest is a tag."""
RESERVED: Final = ("slipway.", "mlflow.")
"""Begin the tags that are ours and MLflow's; a person's own may not."""
PARENT: Final = "mlflow.parentRunId"
"""The one tag of MLflow's that an attempt's own may set: the run that it is a child of, as of a sweep."""


@dataclass(frozen=True)
class Described:
    """One attempt at a piece of work."""

    parts: Parts
    spec: AttemptSpec
    config: Mapping[str, Any] = field(default_factory=dict)
    """The whole composed config, with `runtime`; that of the parts where it is not known."""
    manifest: "Manifest | None" = None
    """Of the snapshot."""
    source: str = ""
    """Where the snapshot lies."""
    patch: str = ""
    """What the work tree has over its commit, as it may be shown."""

    @property
    def model(self) -> str:
        """The model, which names the experiment."""
        return self.parts.model

    def params(self) -> dict[str, str]:
        """The config as flat names and values."""
        return {key_name(name): shortened(_text(one), LONGEST_PARAM) for name, one in flat(self.parts.config).items()}

    def tags(self) -> dict[str, str]:
        """Who, where, why; the digests of the parts; a person's own tags."""
        spec, parts = self.spec, self.parts
        own = {
            key_name(name): value
            for name, value in spec.tags.items()
            if name == PARENT or not name.startswith(RESERVED)
        }
        ours = {
            "slipway.key": parts.key,
            "slipway.model": parts.model,
            "slipway.kind": spec.kind,
            "slipway.name": spec.name,
            "slipway.team": spec.team,
            "slipway.submitted-by": spec.submitted_by,
            "slipway.revision": spec.revision,
            "slipway.target": spec.place.target,
            "slipway.host": spec.place.host,
            "slipway.attempt": str(spec.number),
            "slipway.why": spec.why,
            "slipway.snapshot": parts.snapshot,
            "slipway.view": json.dumps(parts.view, sort_keys=True),
            "slipway.code": parts.code_digest,
            **{f"slipway.reference.{key_name(name)}": digest for name, digest in parts.references.items()},
            "mlflow.user": spec.submitted_by,
            "mlflow.source.git.commit": spec.revision.partition("+")[0],
            NOTE: spec.note,
        }
        return {name: shortened(value, LONGEST_TAG) for name, value in {**own, **ours}.items() if value}

    def dataset(self) -> Dataset:
        """The snapshot."""
        counts = dict(self.manifest.counts) if self.manifest else {}
        source = {"url": self.source, "sha256": self.parts.snapshot}
        return Dataset("snapshot", self.parts.snapshot[:DIGEST_LENGTH], "slipway", json.dumps(source), counts)

    def files(self) -> dict[str, str]:
        """Texts to keep beside the run, by name."""
        import yaml

        config = yaml.safe_dump(_plain(self.config or self.parts.config), sort_keys=False, allow_unicode=True)
        told = {"config.yaml": config, "parts.json": json.dumps(self.parts.model_dump(mode="json"), indent=1)}
        return {**told, "dirty.patch": self.patch} if self.patch else told


def describe(store: Store, key: str, attempt: int) -> Described:
    """What the store knows."""
    from slipway.platform.data.record import load_record

    parts, spec = load_parts(store, key), spec_of(store, key, attempt)
    if spec is None:
        raise RunsError(f"{key[:11]} has no attempt {attempt} in {store.url}.")
    record = load_record(store, parts.snapshot)
    return Described(parts, spec, manifest=record.manifest if record else None)


def outcome_of(store: Store, key: str, attempt: int) -> Outcome | None:
    """How an attempt ended, if it did."""
    return Outcome.load(store, WorkKeys(key).attempt(attempt).outcome)


def earlier_attempts(store: Store, key: str, number: int) -> dict[str, str]:
    """The tags of the attempts before this one; one that has no outcome was lost."""
    tags: dict[str, str] = {}
    for one in numbers(store, key):
        if one < number and (spec := spec_of(store, key, one)) is not None:
            tags |= attempt_tag(spec, outcome_of(store, key, one), without="lost")
    return tags


def attempt_tag(spec: AttemptSpec, outcome: Outcome | None = None, without: str = "running") -> dict[str, str]:
    """One line for each attempt, so that all of them can be seen; `without` stands for an outcome."""
    when = f"{spec.created:%Y-%m-%d %H:%M}"
    where = f"by {spec.submitted_by} on {spec.place.where} ({spec.place.target}), {when} ({spec.why})"
    how = f"{outcome.state.value} after {outcome.seconds:.0f} s: {outcome.reason}" if outcome else without
    return {f"slipway.attempt.{spec.number}": shortened(f"{how} · {where}", LONGEST_TAG)}


def key_name(name: str) -> str:
    """A name with the letters that MLflow allows: a path without empty or relative steps."""
    kept = "".join(letter if letter.isalnum() or letter in "_-. /" else "_" for letter in name)
    steps = [step for step in kept.split("/") if step not in {"", ".", ".."}]
    return ("/".join(steps) or "_")[:LONGEST_KEY]


def shortened(text: str, most: int) -> str:
    """As much of a text as there is room for."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _text(value: Any) -> str:  # noqa: ANN401 - whatever JSON can say
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can say
    """Dictionaries and lists, which is all that YAML knows."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
