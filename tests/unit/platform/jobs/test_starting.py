"""Asking for work: what is refused leaves nothing behind."""

import hashlib
from typing import Any

import pytest

from slipway.platform.errors import WrongUse
from slipway.platform.jobs.planning import Planned, Subject
from slipway.platform.jobs.snapshots import Named
from slipway.platform.jobs.starting import Request, bring_about
from slipway.platform.runs.code.closure import Code
from slipway.platform.runs.errors import SecretFound
from slipway.platform.runs.parts import CodeFile
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
