"""The one place that talks to Great Expectations.

Each suite becomes one Great Expectations suite for each frame: the snapshot's tables, and a frame for each expectation
of ours, whose column `fault` is expected to be null. So everything stands in the Data Docs, in one format. A context in
files is made only where the docs are asked for.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.core.result_format import ResultFormat
from great_expectations.data_context.types.base import ProgressBarsConfig

from slipway.platform.data.validation.checks import frame_of, rows_of
from slipway.platform.data.validation.errors import BadSuite
from slipway.platform.data.validation.suite import Expectation, Suite, columns_of
from slipway.platform.data.validation.tables import Tables
from slipway.platform.data.validation.verdict import ROWS, Finding, RowRef, Severity, sentence_of

SEVERITY: Final = {Severity.BLOCKING: "critical", Severity.WARNING: "warning"}
ROW: Final = "row"
FAULT: Final = "fault"
SHOWN_VALUES: Final = 5


@dataclass(frozen=True)
class Ask:
    """An expectation of a suite with its number in all that is asked."""

    number: int
    suite: str
    expectation: Expectation


def judge(suites: Iterable[Suite], tables: Tables, docs: Path | None) -> list[Finding]:
    """A finding for each expectation of each suite, in their order."""
    asks = [(suite.name, one) for suite in suites for one in suite.expectations]
    numbered = [Ask(number, name, one) for number, (name, one) in enumerate(asks)]
    place: AbstractContextManager[str | None] = TemporaryDirectory() if docs else nullcontext()
    with place as folder:
        context = _context(folder)
        found: dict[int, Finding] = {}
        for done, (name, group) in enumerate(_groups(numbered).items()):
            tables.progress("expectations", done, len(numbered))
            found |= _judge_group(context, name, group, tables)
        tables.progress("expectations", len(numbered), len(numbered))
        if docs is not None and folder is not None:
            _write_docs(context, Path(folder), docs)
    return [found[ask.number] for ask in numbered]


def _context(folder: str | None) -> Any:  # noqa: ANN401 - two kinds of context without a common public type
    if folder is None:
        context: Any = gx.get_context(mode="ephemeral")
    else:
        context = gx.get_context(mode="file", project_root_dir=folder)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _groups(asks: Sequence[Ask]) -> Mapping[str, list[Ask]]:
    """What can be judged together: a suite's native expectations on one table; each of ours alone."""
    groups: dict[str, list[Ask]] = {}
    for ask in asks:
        one = ask.expectation
        last = one.table if one.native else f"{one.expectation.removeprefix('expect_')}-{ask.number}"
        groups.setdefault(f"{ask.suite}.{last}", []).append(ask)
    return groups


def _judge_group(context: Any, name: str, group: list[Ask], tables: Tables) -> Mapping[int, Finding]:  # noqa: ANN401
    frame = frame_of(group[0].expectation, tables)
    absent = {ask.number: _absent(ask, frame) for ask in group}
    asked = [ask for ask in group if absent[ask.number] is None]
    found = {number: finding for number, finding in absent.items() if finding is not None}
    if asked:
        results = _run(context, name, asked, frame)
        found |= {ask.number: _finding(ask, results[ask.number], frame, tables) for ask in asked}
    return found


def _absent(ask: Ask, frame: pd.DataFrame) -> Finding | None:
    """The finding on a slice column that this snapshot does not have."""
    one = ask.expectation
    missing = [column for column in columns_of(one) if column not in frame.columns]
    if not one.native or not missing:
        return None
    told = f"{one.table} has no column `{missing[0]}`"
    return Finding(
        suite=ask.suite,
        expectation=one.expectation,
        table=one.table,
        severity=one.severity,
        ok=False,
        checked=len(frame),
        failed=len(frame),
        observed=told,
        expected=_expected(one),
        sentence=f"{told}.",
    )


def _run(context: Any, name: str, asks: Sequence[Ask], frame: pd.DataFrame) -> Mapping[int, Mapping[str, Any]]:  # noqa: ANN401
    asset = context.data_sources.add_pandas(f"{name}-source").add_dataframe_asset(name=name)
    batch = asset.add_batch_definition_whole_dataframe("whole")
    suite = context.suites.add(gx.ExpectationSuite(name=name))
    for ask in asks:
        suite.add_expectation(_build(ask))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
    outcome = definition.run(
        batch_parameters={"dataframe": frame},
        result_format={
            "result_format": ResultFormat.SUMMARY,
            "partial_unexpected_count": ROWS,
            "unexpected_index_column_names": [ROW] if ROW in frame.columns else [],
        },
    )
    return {one["expectation_config"]["meta"]["number"]: one for one in map(_plain, outcome.results)}


def _plain(result: Any) -> dict[str, Any]:  # noqa: ANN401 - Great Expectations' own result
    plain: dict[str, Any] = result.to_json_dict()
    return plain


def _build(ask: Ask) -> Any:  # noqa: ANN401 - one of Great Expectations' classes
    one = ask.expectation
    shared: dict[str, Any] = {
        "severity": SEVERITY[one.severity],
        "meta": {"number": ask.number, "slipway": one.expectation},
    }
    if not one.native:
        title = one.expectation.replace("_", " ")
        mostly = float(one.kwargs.get("mostly", 1.0))
        return _kind("expect_column_values_to_be_null")(column=FAULT, mostly=mostly, notes=one.note or title, **shared)
    kind = _kind(one.expectation)
    try:
        return kind(**one.kwargs, notes=one.note or None, **shared)
    except (ValueError, TypeError) as error:
        told = re.sub(r"\s+", " ", str(error))
        raise BadSuite(f"Suite {ask.suite}, {one.expectation} on {one.table}: {told}") from None


def _kind(name: str) -> Any:  # noqa: ANN401 - one of Great Expectations' classes
    return getattr(gxe, "".join(part.capitalize() for part in name.split("_")))


def _finding(ask: Ask, result: Mapping[str, Any], frame: pd.DataFrame, tables: Tables) -> Finding:
    one, outcome = ask.expectation, result["result"]
    ok = bool(result["success"])
    rows = _rows(one, outcome, frame, tables)
    failed = int(outcome.get("unexpected_count") or 0)
    observed = _observed(one, outcome) if outcome else _exception(result)
    return Finding(
        suite=ask.suite,
        expectation=one.expectation,
        table=one.table,
        severity=one.severity,
        ok=ok,
        checked=int(outcome.get("element_count") or len(frame)),
        failed=0 if ok and not failed else max(1, failed),
        observed=observed,
        expected=_expected(one),
        rows=rows,
        sentence="" if ok else sentence_of(rows, f"{_subject(one)}: {observed}", failed),
    )


def _rows(one: Expectation, outcome: Mapping[str, Any], frame: pd.DataFrame, tables: Tables) -> tuple[RowRef, ...]:
    if ROW not in frame.columns:
        return ()
    if one.native:
        numbers = [int(found[ROW]) for found in outcome.get("partial_unexpected_index_list") or ()]
        bad = frame.iloc[sorted(set(numbers))]
    else:
        bad = frame[frame[FAULT].notna()].head(ROWS)
    samples = bad["sample"].tolist() if "sample" in bad else [None] * len(bad)
    told = bad[FAULT].tolist() if FAULT in bad else [None] * len(bad)
    return tuple(
        RowRef(
            table=rows_of(one),
            row=int(row),
            sample=sample if isinstance(sample, str) else None,
            shard=tables.shard_of.get(sample) if isinstance(sample, str) else None,
            fault=fault,
        )
        for row, sample, fault in zip(bad[ROW].tolist(), samples, told, strict=True)
    )


def _subject(one: Expectation) -> str:
    columns = ", ".join(f"`{column}`" for column in columns_of(one))
    return f"{columns} of {one.table}" if columns else one.table


def _observed(one: Expectation, outcome: Mapping[str, Any]) -> str:
    if "observed_value" in outcome:
        return f"{outcome['observed_value']} found, {_expected(one)}"
    count, total = int(outcome.get("unexpected_count") or 0), int(outcome.get("element_count") or 0)
    told = f"{count:,} of {total:,} fail"
    values = list(dict.fromkeys(map(str, outcome.get("partial_unexpected_list") or ())))[:SHOWN_VALUES]
    return f"{told} ({', '.join(values)}), {_expected(one)}" if one.native and values else told


def _expected(one: Expectation) -> str:
    told = {key: value for key, value in one.kwargs.items() if not key.startswith("column")}
    arguments = ", ".join(f"{key} {value}" for key, value in told.items())
    return " ".join(filter(None, [one.expectation.removeprefix("expect_").replace("_", " "), arguments]))


def _exception(result: Mapping[str, Any]) -> str:
    info = result.get("exception_info") or {}
    first = info if "exception_message" in info else next(iter(info.values()), {})
    return f"could not be computed: {first.get('exception_message') or 'no reason given'}"


def _write_docs(context: Any, folder: Path, docs: Path) -> None:  # noqa: ANN401 - as in _context
    """Build the Data Docs and put them, and nothing else of the context, where they were asked for."""
    import shutil

    context.build_data_docs()
    site = folder / "gx/uncommitted/data_docs/local_site"
    shutil.copytree(site, docs, dirs_exist_ok=True)
