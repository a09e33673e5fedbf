"""Reading what an evaluation has left in the store."""

import io
import json
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from slipway.platform.runs.records import Result
from slipway.platform.runs.results import result_key
from slipway.platform.store import Store
from slipway.serving.bundle.manifest import Manifest
from slipway.training.evaluation.judged import Evaluation
from slipway.training.gates.checks.parity import INDIVIDUAL, NEAREST
from slipway.training.gates.evidence import Evidence
from slipway.training.gates.planning import Candidate
from slipway.training.gates.records import (
    REPORT,
    ROWS,
    Report,
    evaluation_file,
    predictions_file,
    samples_file,
)
from slipway.training.reading.source import strings

KEPT: Final = ("sample", INDIVIDUAL, NEAREST)


def load_evidence(store: Store, candidate: Candidate, result: Result) -> Evidence:
    """Everything that checks look at."""
    report = Report.model_validate_json(_bytes(store, result, REPORT))
    return Evidence(
        bundle=candidate.digest,
        manifest=Manifest.model_validate_json(candidate.kept.data),
        report=report,
        evaluations={
            one: Evaluation.model_validate(json.loads(_bytes(store, result, evaluation_file(one))))
            for one in report.variants
        },
        samples={one: _table(store, result, samples_file(one), KEPT) for one in report.variants},
        work=result.key,
        files={name: file.sha256 for name, file in result.files.items()},
    )


def load_rows(store: Store, result: Result) -> list[str]:
    """The samples of all rows that were judged, in their order."""
    return strings(_table(store, result, ROWS, ("sample",))["sample"])


def load_predictions(store: Store, result: Result, variant: str) -> pa.Table:
    """What a variant says."""
    return _table(store, result, predictions_file(variant), None)


def _table(store: Store, result: Result, name: str, columns: tuple[str, ...] | None) -> pa.Table:
    file = pq.ParquetFile(io.BytesIO(_bytes(store, result, name)))
    wanted = None if columns is None else [one for one in columns if one in file.schema_arrow.names]
    return file.read(columns=wanted)


def _bytes(store: Store, result: Result, name: str) -> bytes:
    return store.get(result_key(name, result.files[name]))
