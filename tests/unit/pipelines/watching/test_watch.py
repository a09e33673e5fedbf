"""The step `watch` on a real fleet store: what it says, and what it leaves behind in records, tasks and notices."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from planted.field import Planted
from slipway.pipelines.flows.causes import Changed, decide
from slipway.pipelines.flows.changes import drift_of
from slipway.pipelines.labelling.task import tasks
from slipway.pipelines.steps.step import Ask, Cause, How
from slipway.pipelines.steps.watch import WatchStep
from slipway.pipelines.watching.looks import Alarm, bind_alarm, last_alarm, load_look
from slipway.platform.data.chosen import Rows
from slipway.platform.data.pictures import opened
from slipway.platform.data.rows import Box, Image
from slipway.platform.data.writer import SnapshotWriter
from watched import DAY, MODEL, Watched

Make = Callable[..., Watched]
NIGHT = Planted(by=4.0, since=10)


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Make:
    """A project whose devices told of what is planted; pictures take long, and one test is of them."""
    if "picture" not in request.node.name:
        monkeypatch.setattr("slipway.pipelines.watching.picture.draw", lambda *_: None)

    def watched(planted: Planted = NIGHT) -> Watched:
        made = Watched(tmp_path / "site", monkeypatch, planted)
        made.tell()
        return made

    return watched


def labelled(folder: Path, days: list[str]) -> str:
    """A snapshot with 120 bays of these days that a person labelled."""
    with SnapshotWriter(folder) as writer:
        for number in range(120):
            image = Image(
                width=8, height=8, split="train", source=f"{number}.jpg", day=days[number % len(days)],
                label_state="human", slices={"view": "bay"},
            )  # fmt: skip
            writer.add(b"\xff\xd8\xff%d" % number, image, [Box(category="free", x=0, y=0, w=8, h=8)])
        writer.finish([], "unknown")
    return str(folder)


def test_a_calm_field_is_no_drift_and_leaves_no_notice(make: Make) -> None:
    watched = make(Planted())
    told = watched.watch()
    assert told.how is How.DONE
    assert told.line.startswith("no drift: 7 measures of 3 devices in 7 days")
    look = load_look(watched.place.store, MODEL)
    assert look is not None
    assert not look.drift
    assert watched.notices() == {}


def test_a_picture_shows_the_field_beside_its_reference_and_is_the_same_each_time(make: Make) -> None:
    watched = make()
    picture = Path(watched.watch().links["picture"])
    assert picture == watched.site.root / ".slipway/reports/drift-bay-occupancy-1.png"
    first = picture.read_bytes()
    assert opened(first).size == (1232, 1188)
    assert watched.watch().links["picture"] == str(picture)
    assert picture.read_bytes() == first


def test_drift_is_told_once_with_what_moved_a_task_and_a_notice(make: Make) -> None:
    watched = make()
    told = watched.watch()
    assert told.how is How.DONE
    assert "drift of release 1: " in told.line
    assert "of the reference reach" in told.line
    (task,) = tasks(watched.place.store, MODEL)
    assert told.values == {"release": "1", "task": task.short}
    assert f"100 labels are missing, task {task.short}" in told.line
    assert task.wanted.where == f"day >= {watched.begin + DAY * 13:%Y-%m-%d}"
    assert watched.notices() == {f"drift/{MODEL}/1": f"slipway data label show {task.short}"}
    again = watched.watch(after=watched.told)
    assert again.how is How.FOUND
    assert again.values == told.values
    assert [one.id for one in tasks(watched.place.store)] == [task.id]


def test_answers_that_turn_out_wrong_are_drift_where_nothing_else_has_moved(make: Make) -> None:
    watched = make(Planted())
    watched.measure(0.96)
    watched.learn(0.7)
    told = watched.watch()
    assert told.how is How.DONE
    assert told.line.startswith("drift of release 1: ")
    assert "70.0% of 420 decisions were right, the gate measured accuracy 96.0%" in told.line
    (task,) = tasks(watched.place.store, MODEL)
    assert told.values == {"release": "1", "task": task.short}


def test_answers_that_are_as_right_as_at_the_gate_are_told_and_no_drift(make: Make) -> None:
    watched = make(Planted())
    watched.measure(0.96)
    watched.learn(0.95)
    told = watched.watch()
    assert told.line.startswith("no drift: ")
    assert "95.0% of 420 decisions were right" in told.line
    assert tasks(watched.place.store) == []


def test_the_flow_for_the_model_says_how_many_labels_are_missing(make: Make) -> None:
    watched = make()
    told = watched.watch()
    drift = drift_of(watched.place, MODEL, None)
    decision = decide(("drift",), "drift", Changed(since="version 1", rows=Rows()), drift)
    assert not decision.trains
    assert decision.line.startswith("not retrained: drift without newly labelled rows: 100 labels are missing, task ")
    assert (decision.missing, decision.task) == (100, told.values["task"])


def test_with_labels_drift_is_a_cause_and_after_some_days_another_alarm(make: Make, tmp_path: Path) -> None:
    watched = make()
    watched.watch()
    day = (watched.begin + DAY * 15).date().isoformat()
    snapshot = labelled(tmp_path / "labelled", [day])
    told = watched.watch(snapshot=snapshot)
    assert told.how is How.FOUND
    assert told.values["cause"] == "drift"
    drift = drift_of(watched.place, MODEL, snapshot)
    changed = Changed(since="version 1", rows=Rows(added=120, by_people=120))
    assert decide(("drift",), "labels", changed, drift).cause is Cause.DRIFT
    watched.tell(watched.days[10:] * 2)
    later = watched.watch(snapshot=snapshot)
    assert later.how is How.DONE, "its labels are there and 14 days are over, and it still drifts"
    assert len(tasks(watched.place.store)) == 2


def test_an_open_task_keeps_the_alarm_quiet_however_long_it_takes(make: Make) -> None:
    watched = make()
    watched.watch()
    watched.tell(watched.days[10:] * 3)
    assert watched.watch().how is How.FOUND
    assert len(tasks(watched.place.store)) == 1


def test_when_the_field_is_as_it_was_the_notice_ends(make: Make) -> None:
    watched = make()
    watched.watch()
    assert watched.notices()
    watched.tell(watched.days[:10])
    assert watched.watch().line.startswith("no drift")
    assert watched.notices() == {}
    assert drift_of(watched.place, MODEL, None) is None


def test_what_was_killed_behind_the_alarm_is_gone_on_with(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = make()
    with monkeypatch.context() as patch:
        patch.setattr("slipway.pipelines.labelling.opening.open_task", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            watched.watch()
    assert tasks(watched.place.store) == []
    told = watched.watch()
    (task,) = tasks(watched.place.store)
    assert told.how is How.FOUND
    assert told.values["task"] == task.short


def test_of_two_looks_at_once_one_raises_the_alarm(make: Make) -> None:
    watched = make()
    bundle = watched.site.bundles["a"]
    one = Alarm(model=MODEL, bundle=bundle, release=1, number=1, at=watched.begin, line="one", since="2026-11-29")
    other = one.model_copy(update={"line": "other", "at": one.at + timedelta(seconds=1)})
    store = watched.place.store
    assert bind_alarm(store, one) == bind_alarm(store, other) == last_alarm(store, MODEL, bundle) == one


def test_another_champion_answers_the_drift(make: Make) -> None:
    watched = make()
    watched.watch()
    assert drift_of(watched.place, MODEL, None) is not None
    watched.site.promote("b")
    assert drift_of(watched.place, MODEL, None) is None


def test_what_cannot_be_looked_at_is_said_and_nothing_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(tmp_path / "site", monkeypatch, NIGHT)
    assert watched.watch().line == "nothing to watch: there is no fleet store"
    watched.tell([])
    assert "no device told of a release" in watched.watch(after=3).line
    watched.tell(watched.days[:2])
    told = watched.watch()
    assert told.how is How.SKIPPED
    assert told.line == "too early to say: 2 full days of release 1 told, 3 are needed"
    assert watched.watch(after=30).line.startswith("nothing to watch: no device told")
    other = WatchStep().do(watched.place, Ask(model="vehicle-reid"), {}, lambda _: None)
    assert other.line == "nothing to watch: vehicle-reid was never released"


def test_what_the_last_look_came_to_is_told_at_once(make: Make) -> None:
    watched = make()
    assert WatchStep().look(watched.place, Ask(model=MODEL), {}).line == f"{MODEL} was never watched."
    watched.watch()
    assert "Looked last on" in WatchStep().look(watched.place, Ask(model=MODEL), {}).line


def test_the_first_days_begin_when_the_first_device_ran_the_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Released long before it reached anybody, its first days would be empty, and drift not to be told from places."""
    watched = Watched(tmp_path / "site", monkeypatch, NIGHT)
    watched.begin += 30 * DAY
    watched.tell()
    told = watched.watch()
    assert told.line.startswith("drift of release 1: ")
    assert "at first)" in told.line
