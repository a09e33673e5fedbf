"""The child process: what it says is passed on, and however it ends a person is told."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.data.errors import ForeignSchema, SnapshotDamaged
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.validation.errors import BadSuite, ValidatorDied, ValidatorSilent
from slipway.platform.data.validation.runner import COMMAND, Request, run
from slipway.platform.data.validation.suite import Suite, general_suite, read_suite
from slipway.platform.data.validation.vocabulary import NATIVE

Build = Callable[..., Snapshot]
TODAY = date(2026, 4, 1)


def silent(_stage: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def request_for(folder: Path, *suites: Suite, **more: Any) -> Request:
    return Request(snapshot=folder, suites=suites or (general_suite(),), today=TODAY, threads=1, **more)


@pytest.fixture
def nowhere(tmp_path: Path) -> Request:
    return request_for(tmp_path)


def python(program: str) -> tuple[str, ...]:
    return (sys.executable, "-c", program)


def test_progress_is_passed_on_and_noise_is_not(nowhere: Request) -> None:
    told = []
    program = 'print("noise"); print(\'{"stage": "images", "done": 1, "total": 2}\'); print(\'{"findings": []}\')'
    assert run(nowhere, lambda *one: told.append(one), command=python(program)) == ()
    assert told == [("images", 1, 2)]


def test_a_child_that_is_killed_is_told(nowhere: Request) -> None:
    program = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    with pytest.raises(ValidatorDied, match="SIGKILL; that is mostly the kernel, out of memory"):
        run(nowhere, silent, command=python(program))


def test_a_child_that_fails_is_told_with_its_last_words(nowhere: Request) -> None:
    with pytest.raises(ValidatorDied, match=r"code 1 and no result\. Its last words: ZeroDivisionError"):
        run(nowhere, silent, command=python("1 / 0"))


def test_a_silent_child_is_stopped(nowhere: Request) -> None:
    program = (
        'import os, signal; print(\'{"stage": "%d", "done": 0, "total": 1}\' % os.getpid(), flush=True); signal.pause()'
    )
    told: list[str] = []
    with pytest.raises(ValidatorSilent, match="said nothing for"):
        run(nowhere, lambda stage, *_: told.append(stage), silence=2.0, command=python(program))
    with pytest.raises(ProcessLookupError):
        os.kill(int(told[0]), 0)


def test_whatever_ends_the_wait_ends_the_child(nowhere: Request) -> None:
    program = (
        'import os, signal; print(\'{"stage": "%d", "done": 0, "total": 1}\' % os.getpid(), flush=True); signal.pause()'
    )
    told: list[str] = []

    def interrupt(stage: str, _done: int, _total: int) -> None:
        told.append(stage)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(nowhere, interrupt, command=python(program))
    with pytest.raises(ProcessLookupError):
        os.kill(int(told[0]), 0)


def test_the_real_child_ends_when_its_parent_is_gone(build: Build, shots: list[Any]) -> None:
    question = request_for(build(shots).folder)
    child = subprocess.Popen([*COMMAND], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert child.stdin
    assert child.stdout
    child.stdin.write(question.to_bytes())
    child.stdin.close()
    child.stdout.readline()
    child.stdout.close()
    watch = threading.Timer(60, child.send_signal, [signal.SIGKILL])
    watch.start()
    assert child.wait() == 1
    watch.cancel()


def test_a_good_snapshot_has_no_finding_and_never_meets_torch(build: Build, shots: list[Any], tmp_path: Path) -> None:
    """One run for several promises: the child's start is what takes the time."""
    snapshot = build(shots)
    program = (
        "import sys; from slipway.platform.data.validation.child import main; main();"
        f"open({str(tmp_path / 'met')!r}, 'w').write(str(sorted({{'torch', 'mlflow'}} & set(sys.modules))))"
    )
    with_slice = tmp_path / "model.expectations.yaml"
    with_slice.write_text(
        "- expectation: expect_column_values_to_not_be_null\n  table: index\n  kwargs: {column: slice_none}\n"
    )
    question = request_for(
        snapshot.folder, general_suite(), read_suite(with_slice), docs=tmp_path / "docs", sheet=tmp_path / "sheet.png"
    )
    child = subprocess.run([*python(program)], input=question.to_bytes(), capture_output=True, check=True)
    assert (tmp_path / "met").read_text() == "[]"
    findings = json.loads(child.stdout.splitlines()[-1])["findings"]
    assert [one["sentence"] for one in findings if not one["ok"]] == ["index has no column `slice_none`."]
    assert (tmp_path / "docs/index.html").is_file()
    assert list((tmp_path / "docs").rglob("validations/**/*.html"))
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_a_foreign_table_is_told_as_what_it_is(build: Build, shots: list[Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = build(shots).folder
    pq.write_table(pa.table({"image": ["a"]}), folder / "index.parquet")
    with pytest.raises(ForeignSchema, match="column `sample` is missing"):
        run(request_for(folder), silent)
    (folder / "index.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(SnapshotDamaged, match="is no table"):
        run(request_for(folder), silent)


def test_a_row_without_what_every_row_must_have_is_told(build: Build, shots: list[Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    snapshot = build(shots)
    index = snapshot.index
    gaps = [None if row == 3 else shard for row, shard in enumerate(index.column("shard").to_pylist())]
    place = index.column_names.index("shard")
    pq.write_table(index.set_column(place, "shard", pa.array(gaps)), snapshot.folder / "index.parquet")
    with pytest.raises(SnapshotDamaged, match="row 3 has no `shard`"):
        run(request_for(snapshot.folder), silent)


def test_what_the_library_refuses_is_the_suites_fault(build: Build, shots: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "odd.expectations.yaml"
    path.write_text(
        "- expectation: expect_column_values_to_be_between\n  table: index\n  kwargs: {column: width, min_value: [1]}\n"
    )
    with pytest.raises(BadSuite, match="Suite odd, expect_column_values_to_be_between on index"):
        run(request_for(build(shots).folder, read_suite(path)), silent)


def test_the_vocabulary_is_the_librarys() -> None:
    """Every native expectation exists, takes the arguments that we allow and needs no others."""
    program = (
        "import json, great_expectations.expectations as gxe, sys; names = json.load(sys.stdin);"
        "kinds = {name: getattr(gxe, ''.join(part.capitalize() for part in name.split('_'))) for name in names};"
        "print(json.dumps({name: sorted(kind.__fields__) for name, kind in kinds.items()}))"
    )
    done = subprocess.run(
        [*python(program)], input=json.dumps(list(NATIVE)), capture_output=True, text=True, check=True
    )
    fields = json.loads(done.stdout)
    for name, native in NATIVE.items():
        assert native.required | native.optional <= set(fields[name]), name
