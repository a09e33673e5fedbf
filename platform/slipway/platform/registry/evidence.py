"""What a verdict rests on: the evaluations of each variant, as plain JSON, read from the results of its work."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from slipway.platform.registry.verdict import Verdict
from slipway.platform.runs.records import Result
from slipway.platform.runs.results import load_result, result_key
from slipway.platform.store import ObjectMissing, Store

EVALUATION: Final = "evaluation.{}.json"
SAMPLES: Final = "samples.{}.parquet"


@dataclass(frozen=True)
class Evidence:
    """The evaluations of one bundle."""

    store: Store
    result: Result | None
    """None where the store has them no more, or never had."""

    @classmethod
    def of(cls, store: Store, verdict: Verdict, bundle: str) -> "Evidence":
        """Of a bundle that the verdict looked at: the judged one, or the champion of that day."""
        work = verdict.work.get(bundle)
        return cls(store, load_result(store, work) if work else None)

    def judgement(self, variant: str) -> Mapping[str, Any]:
        """How a variant was judged; empty where that is not known."""
        data = self._file(EVALUATION.format(variant))
        found: Mapping[str, Any] = json.loads(data) if data else {}
        return found

    def samples(self, variant: str) -> bytes | None:
        """The table of its errors, row by row."""
        return self._file(SAMPLES.format(variant))

    def _file(self, name: str) -> bytes | None:
        file = self.result.files.get(name) if self.result else None
        try:
            return self.store.get(result_key(name, file)) if file else None
        except ObjectMissing:
            return None
