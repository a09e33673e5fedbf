"""What a model was made of against what is there: a real ledger, store, snapshots and code, and the step `cause`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import rolling_out
from slipway.pipelines.flows.changes import last_made
from slipway.pipelines.steps.cause import CauseStep
from slipway.pipelines.steps.site import Site as Place
from slipway.pipelines.steps.step import Ask, How, Told
from slipway.platform.data.manifest import NAME
from slipway.platform.data.objects import hashes
from slipway.platform.data.obtain import store_objects
from slipway.platform.data.record import key_of, make_record, save_record
from slipway.platform.data.rows import Box, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter
from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.submitting.planning import code_of, lock_of
from slipway.platform.models.finder import model_named
from slipway.platform.runs.entries import Entry
from slipway.platform.runs.index import put_entry
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.making import parts_of
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import State
from slipway.serving.bundle.manifest import Lineage

MODEL = "bay-occupancy"
BEGIN = datetime(2026, 11, 20, 9, tzinfo=UTC)


class Loop:
    """A project whose model was made of ten bays, and may be made of others."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(rolling_out, "MODEL", MODEL)
        self.folder, self.model = folder, model_named(MODEL)
        self.site = rolling_out.Site(folder / "site").open()
        self.place = Place(self.site.loaded())
        self.count = 0

    def snapshot(self, bays: int, *, scenes: int = 0, said: str = "free") -> Snapshot:
        """Known to the store, and in the cache."""
        self.count += 1
        target = self.folder / f"data-{self.count}"
        with SnapshotWriter(target) as writer:
            for number in range(bays + scenes):
                view = "bay" if number < bays else "scene"
                image = Image(width=8, height=8, split="train", source=f"{number}.jpg", slices={"view": view})
                writer.add(
                    b"\xff\xd8\xff%s%d" % (view.encode(), number), image, [Box(category=said, x=0, y=0, w=8, h=8)]
                )
            writer.finish([], "unknown")
        found = Snapshot(target)
        md5 = {name: hashes(target / name)[0] for name in (*found.manifest.files, NAME)}
        record = make_record(found.manifest, md5, str(target))
        store_objects(self.place.project, record, target)
        save_record(self.place.store, record)
        return found

    def made(self, name: str, snapshot: Snapshot, *, hours: int = 0, **other: Any) -> Parts:
        """A training that has ended well; `other` are parts that differ from today's."""
        parts = parts_of(
            model=MODEL,
            snapshot=snapshot.digest,
            view=self.model.declaration.data.view,
            code=code_of(self.model),
            config={"optimizer": {"lr": 0.1}},
            lock=lock_of(self.model, self.place.root),
        ).model_copy(update=other)
        self.place.store.put(WorkKeys(parts.key).parts, parts.to_bytes())
        at = BEGIN + timedelta(hours=hours)
        entry = Entry(
            key=parts.key, name=name, model=MODEL, person="ada", state=State.DONE, attempt=1, created=at, ended=at
        )
        put_entry(self.place.store, entry)
        return parts

    def champion(self, letter: str, parts: Parts) -> None:
        self.site.register(letter, lineage=Lineage(run_key=parts.key, snapshot=parts.snapshot))
        self.site.promote(letter)

    def decide(self, snapshot: Snapshot, cause: str = "data") -> Told:
        return CauseStep().do(
            self.place, Ask(model=MODEL, snapshot=str(snapshot.folder), cause=cause), {}, lambda _: None
        )


@pytest.fixture
def loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loop:
    return Loop(tmp_path, monkeypatch)


def test_a_champion_is_compared_with_what_its_run_was_made_of(loop: Loop) -> None:
    before = loop.snapshot(10)
    loop.champion("a", loop.made("quiet-heron-412", before))
    assert loop.decide(before).line == "not retrained: nothing changed since version 1"
    more = loop.decide(loop.snapshot(13))
    assert (more.how, more.values["cause"]) == (How.DONE, "data")
    assert more.line == "retrained: 3 rows came since version 1"
    other = loop.decide(loop.snapshot(10, said="occupied"))
    assert (other.values["cause"], other.line) == ("labels", "retrained: 10 rows got another label since version 1")


def test_new_data_that_the_view_does_not_choose_is_no_new_data(loop: Loop) -> None:
    loop.champion("a", loop.made("one", loop.snapshot(10)))
    told = loop.decide(loop.snapshot(10, scenes=5))
    assert told.how is How.SKIPPED
    assert told.line == "not retrained: the data changed since version 1, but not in what the model looks at"


Changing = Callable[[Parts], dict[str, Any]]


def _other_file(parts: Parts, part: str) -> dict[str, Any]:
    changed = [one.model_copy(update={"sha256": "0" * 64}) if part in one.path else one for one in parts.code]
    assert changed != list(parts.code)
    return {"code": tuple(changed)}


@pytest.mark.parametrize(
    ("changing", "told"),
    [
        (lambda parts: {"lock": (*parts.lock[1:], "numpy==0.1")}, "only the lock changed"),
        (lambda parts: _other_file(parts, "bay_occupancy/network.py"), "only code changed"),
        (lambda parts: _other_file(parts, "bay_occupancy/conf/"), "only the config changed"),
        (lambda parts: {"view": {**parts.view, "where": []}}, "only the view changed"),
    ],
    ids=["lock", "code", "config", "view"],
)
def test_what_else_changed_is_named_and_is_no_cause_until_the_time_has_come(
    loop: Loop, changing: Changing, told: str
) -> None:
    data = loop.snapshot(10)
    today = loop.made("today", data)
    loop.champion("a", loop.made("then", data, hours=1, **changing(today)))
    decision = loop.decide(data)
    assert decision.how is How.SKIPPED
    assert decision.line == f"not retrained: {told} since version 1"
    assert loop.decide(data, "schedule").values["cause"] == "schedule"


def test_a_candidate_that_did_not_pass_was_tried_all_the_same(loop: Loop) -> None:
    """Else the same data would be trained on again with every change of the code."""
    loop.champion("a", loop.made("first", loop.snapshot(10)))
    data = loop.snapshot(13)
    loop.made("second", data, hours=1)
    assert loop.decide(data).line == "not retrained: nothing changed since run second"
    assert loop.decide(loop.snapshot(14)).line == "retrained: 1 row came since run second"


def test_an_experiment_of_somebody_says_nothing_about_what_was_tried(loop: Loop) -> None:
    loop.champion("a", loop.made("first", loop.snapshot(10)))
    data = loop.snapshot(13)
    loop.made("hers", data, hours=1, config={"optimizer": {"lr": 9.0}})
    assert loop.decide(data).line == "retrained: 3 rows came since version 1"


def test_without_anything_of_ours_it_is_made(loop: Loop) -> None:
    loop.site.promote("a")  # a vendor's
    assert last_made(loop.place, MODEL) is None
    told = loop.decide(loop.snapshot(10), "schedule")
    assert (told.how, told.line) == (How.DONE, "trained because it never was")


def test_a_snapshot_that_nobody_knows_any_more_is_told(loop: Loop) -> None:
    before = loop.snapshot(9)
    loop.champion("a", loop.made("first", before))
    loop.place.store.delete(key_of(before.digest))
    with pytest.raises(SlipwayError, match="has no record of the snapshot"):
        loop.decide(loop.snapshot(10))


def test_who_asks_is_not_asked_why(loop: Loop) -> None:
    told = CauseStep().look(loop.place, Ask(model=MODEL), {})
    assert (told.how, told.values) == (How.DONE, {"cause": "asked"})
