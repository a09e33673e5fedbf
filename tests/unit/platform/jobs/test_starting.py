"""Asking for work: what is refused leaves nothing behind."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from overseen.office import opened_office
from slipway.platform.errors import WrongUse
from slipway.platform.jobs.launchers.contract import Launcher, LauncherUnreachable
from slipway.platform.jobs.submitting.planning import Planned, Subject
from slipway.platform.jobs.submitting.snapshots import Named
from slipway.platform.jobs.submitting.starting import Request, bring_about
from slipway.platform.runs.code.closure import Code
from slipway.platform.runs.errors import SecretFound
from slipway.platform.runs.parts import CodeFile
from slipway.platform.runs.records import State
from slipway.platform.runs.references import Reference

Desk = Any
ADA = Request("ada", name="my-run")


FAKE = Subject("fake", "slipway.fake")


def planned(desk: Desk, references: dict[str, Reference] | None = None, **changes: Any) -> Planned:
    """The desk's work."""
    given = references or {}
    parts, job = desk.work(references={name: one.digest for name, one in given.items()})
    code: Code = changes.get("code", desk.code)
    return Planned(
        FAKE, parts.model_copy(update={"code": code.files}), code, job.config, Named(desk.snapshot), given,
        arguments=job.arguments, module=job.module,
    )  # fmt: skip


def test_code_with_a_secret_is_refused_and_no_name_is_bound(desk: Desk) -> None:
    source = desk.folder / "training.py"
    source.write_text("key = 'AKIA" + "Q3EGRZ7YHW4NBXKD'\n")
    listed = CodeFile(path="slipway/fake/training.py", sha256=hashlib.sha256(source.read_bytes()).hexdigest())
    code = Code((listed,), {listed.path: source})
    with pytest.raises(SecretFound):
        bring_about(planned(desk, code=code), ADA, desk.loaded, store=desk.store)
    assert not list(desk.store.list("names/"))
    assert not list(desk.store.list("work/"))


def test_a_name_that_other_work_has_is_refused_before_anything_is_stored(desk: Desk) -> None:
    given = desk.folder / "mine.bin"
    given.write_bytes(b"weights")
    reference = Reference("mine.bin", hashlib.sha256(b"weights").hexdigest(), file=given)
    desk.store.put(
        "names/my-run.json",
        b'{"name": "my-run", "key": "r1-0", "model": "bird", "bound": "2026-03-01T12:00:00Z"}',
    )
    with pytest.raises(WrongUse, match="belongs to other work of bird"):
        bring_about(planned(desk, {"start": reference}), ADA, desk.loaded, store=desk.store)
    assert not list(desk.store.list("references/"))


def test_submitted_work_that_has_no_job_yet_is_launched_by_whoever_trains_it(tmp_path: Path) -> None:
    def unreachable(target: str) -> Launcher:
        raise LauncherUnreachable(f"`{target}` does not answer.")

    with opened_office(tmp_path, None) as office:
        work = office.project.work("pending")
        office.submit(work, "ada", launchers=unreachable)
        brought = bring_about(office.planned(work), Request("bob"), office.project.loaded, store=office.project.store)
        assert (brought.how, brought.state, office.attempts(work)) == ("attached", State.DONE, 1)
