"""Pages that people look for something on: what they find, how much of it, and what they say of a wrong question."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from console_world import World
from rolling_out import MODEL
from slipway.platform.ledger.entry import Action
from slipway.platform.lineage.graph import Kind, Node
from slipway.platform.lineage.tracing import Enough
from slipway.platform.lineage.tree import Branch
from slipway.serving.edge.decisions import make_id
from slipway.serving.fleet.console.lineage import PATIENCE_S, Room, _Bounded
from slipway.serving.fleet.console.notices import CAUSES, grouped
from slipway.serving.fleet.notices.book import Book, Silence, Standing
from slipway.serving.fleet.notices.finding import KINDS, RETRAINING
from slipway.serving.fleet.notices.notice import Notice, Weight
from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.enrolling import By
from slipway.serving.fleet.store.outcomes import Told
from slipway.serving.fleet.store.packing import Sum
from slipway.serving.fleet.store.tables import HOURS, SPANS, SUBJECTS
from slipway.serving.release.moving import pinning
from slipway.serving.runtime.quantiles import Quantiles

HTML = "text/html; charset=utf-8"
WRONG = {
    "/fleet?release=abc": "a whole number from 1",
    "/fleet?release=0": "a whole number from 1",
    "/fleet?colour=red": "no filter <code>colour</code>",
    "/fleet?sites=a": "Did you mean <code>site</code>?",
    "/fleet?state=odd": "one of well, changing, failed, silent, revoked",
    "/fleet?after=%00": "printable characters",
    "/fleet?after=" + "a" * 99: "Expected a name",
    "/fleet?site=<b>": "Expected a name",
    "/devices/gate-1?at=soon": "a day or a moment, such as",
    "/devices/gate-1?at=9999-01-01": "a moment that is past",
    "/devices/gate-1?at=0001-01-01": "a moment that is past",
    "/ledger?before=-1": "a whole number from 1",
    "/ledger?before=" + "9" * 40: "a whole number from 1",
    "/ledger?action=paint": "one of verdict, register",
    "/lineage?way=sideways&of=x": "one of up, down",
    "/lineage?of=" + "x" * 300: "at most 160 printable characters",
    "/lineage?of=no-such-thing": "that is known here",
    "/lineage.csv": "Nothing is asked for",
    "/notices?page=1": "This page has no filter <code>page</code>",
}
NOT_THERE = ("/devices/gate-9", "/models/none", f"/models/{MODEL}/paint", "/ledger?entry=99")


def test_a_wrong_question_is_a_page_that_says_what_is_expected(world: World) -> None:
    world.device("gate-1")
    browser = world.browser("ben")
    for path, told in WRONG.items():
        answer = browser.get(path)
        assert (path, answer.code, answer.kind) == (path, 422, HTML)
        assert told in answer.text, path
        assert '<a class="button" href="/' in answer.text
    for path in NOT_THERE:
        answer = browser.get(path)
        assert (path, answer.code, answer.kind) == (path, 404, HTML)
    assert "&lt;b&gt;" in browser.get("/fleet?site=<b>").text


def test_a_browser_gets_pages_and_whoever_asks_the_interface_gets_json(world: World) -> None:
    browser = world.browser("ben")
    for path, code in (("/nothing", 404), ("/v1/devices/nothing", 404), ("/session/used", 401), ("/v1/tokens", 403)):
        page, data = browser.get(path, Accept="text/html,*/*;q=0.8"), browser.get(path)
        assert (path, page.code, page.kind) == (path, code, HTML)
        assert (path, data.code, data.kind) == (path, code, "application/json")
        assert json.loads(data.text)["error"]
    forged = world.browser().get("/fleet", Authorization="Slipway nothing")
    assert (forged.code, forged.kind) == (401, HTML)


def test_what_breaks_is_a_page_too_and_says_no_more_than_that(world: World) -> None:
    broken: list[Exception] = []

    def breaks(*told: Any) -> None:
        if broken and "FROM devices" in told[2]:
            raise broken[0]

    event.listen(world.store._reads, "before_cursor_execute", breaks)
    browser = world.browser("ben")
    broken.append(ValueError("a secret"))
    page, data = browser.get("/fleet"), browser.get("/v1/devices")
    assert (page.code, page.kind, data.code, data.kind) == (500, HTML, 500, "application/json")
    assert "secret" not in page.text + data.text
    assert '<a class="button" href="/fleet">' in page.text
    broken[:] = [OperationalError("select", {}, Exception("a secret"))]
    page, data = browser.get("/fleet"), browser.get("/v1/devices")
    assert (page.code, page.kind, data.code, data.kind) == (503, HTML, 503, "application/json")
    assert "secret" not in page.text + data.text
    broken.clear()
    assert browser.get("/fleet").code == 200


def test_devices_are_found_by_what_they_are_and_counted_by_site(world: World) -> None:
    world.device("gate-1", silent=True)
    world.device("gate-2", {"bad": "[2]"}, site="station", device_class="orin-nano")
    world.device("gate-3", {"release": 2, "coming": 3}, site="station", cohorts='["early","night"]')
    world.device("gate-4", site=None)
    world.device("gate-5", revoked_at=1)
    browser = world.browser("ben")
    found = {
        "": "1234",
        "state=silent": "1",
        "state=failed": "2",
        "state=changing": "3",
        "state=well": "4",
        "state=revoked": "5",
        "site=station": "23",
        "site=station&state=failed": "2",
        "class=orin-nano": "2",
        "cohort=night": "3",
        "cohort=nigh": "",
        f"model={MODEL}&release=2": "3",
        "search=te-4": "4",
        "search=%25": "",
    }
    for question, names in found.items():
        text = browser.get(f"/fleet?{question}").text
        assert (question, "".join(re.findall(r'href="/devices/gate-(.)"', text))) == (question, names)
        assert f"<b>{len(names)} device" in text
    text = browser.get("/fleet").text
    assert re.search(r'href="/fleet\?site=station">station</a> <b>2</b>', text)
    assert "1 silent" in text
    assert "no site" in text


def test_a_page_begins_where_the_one_before_ended_whoever_comes_and_goes(world: World) -> None:
    world.devices(250, 1)
    browser, path, seen = world.browser("ben"), "/fleet?state=silent", []
    while path:
        text = browser.get(path).text
        seen += re.findall(r'href="/devices/(gate-\d+)"', text)
        assert "<b>250 devices</b>" in text, "all pages are counted"
        if len(seen) == 100:
            world.device("gate-000005", silent=True)
            world.store.revoke("gate-00150", "gone", By("edda", b""))
        following = re.search(r'"(/fleet\?[^"]*after=[^"]+)">Next', text)
        path = following[1].replace("&amp;", "&") if following else ""
    assert seen == [f"gate-{number:05}" for number in range(250) if number != 150]


def test_a_device_tells_its_day_its_past_its_cameras_and_who_holds_it(world: World) -> None:
    now = datetime.now(UTC)
    hour = times.stamp(now) // times.HOUR * times.HOUR
    latency = Quantiles()
    latency.add(12.0, 100)
    done = Sum(counts={"answered": 4_000, "failed": 7, "dropped": 1}, latency=latency)
    rows = [
        {"subject": 7, "at": at, "device": name, "first": at, "last": at, **done.columns()}
        for at in (hour, hour - times.HOUR, hour - 30 * times.HOUR)
        for name in ("gate-1", "gate-2")
    ]
    changed = hour - 2 * times.DAY
    spans = [
        {"device": "gate-1", "model": MODEL, "begin": begin, "end": end, "release": release, "bundle": "0" * 64}
        for begin, end, release in ((hour - 9 * times.DAY, changed, 1), (changed, None, 2))
    ]
    world.device("gate-1", {"release": 2, "why": "It is in the wave."}, site="station")
    world.device("gate-2")
    world.add({SUBJECTS: [{"number": 7, "name": "s", "model": MODEL, "release": 2}], HOURS: rows, SPANS: spans})
    world.site.move(pinning(("site", "station"), 1, now + timedelta(days=2)), "edda", reason="roadworks")
    world.store.note_strange("gate-1", "other-key").result()
    browser = world.browser("ben")
    text = browser.get("/devices/gate-1").text
    assert "It is in the wave." in text
    assert ">8,000<" in text, "the last 24 hours, of this device alone"
    assert text.count('<rect class="bar"') == 24
    assert re.search(r"Site station is pinned to .* release 1 until .* by edda: roadworks", text)
    assert "Another key signed 1 request" in text
    assert re.search(r"<b>exit</b> <span class=\"badge failed\">lost", text)
    assert "is pinned" not in browser.get("/devices/gate-2").text
    past = browser.get(f"/devices/gate-1?at={now - timedelta(days=4):%Y-%m-%d}").text
    assert re.search(rf"it ran {MODEL} release 1\.", past)
    assert "it ran nothing that is known" in browser.get(f"/devices/gate-1?at={now - timedelta(days=40):%Y-%m-%d}").text
    world.store.revoke("gate-1", "stolen", By("edda", b""))
    text = browser.get("/devices/gate-1").text
    assert "believes it nothing more" in text
    assert "revoked by edda" in text
    assert "stolen" in text


def test_the_ledger_is_filtered_and_each_entry_can_be_read(world: World) -> None:
    browser = world.browser("ben")
    shown = {path: re.findall(r'id="entry-(\d+)"', browser.get(path).text) for path in (
        "/ledger", "/ledger?person=ben", "/ledger?action=release", "/ledger?before=3", "/ledger?model=none"
    )}  # fmt: skip
    entries = list(world.site.own.ledger.entries())
    assert shown["/ledger"] == [str(one.entry.number) for one in reversed(entries)]
    assert len(shown["/ledger?person=ben"]) == len(world.site.entries(Action.APPROVE))
    assert len(shown["/ledger?action=release"]) == 2
    assert shown["/ledger?before=3"] == ["2", "1"]
    assert shown["/ledger?model=none"] == []
    one = browser.get("/ledger?entry=4").text
    assert entries[3].digest in one
    assert entries[3].entry.previous in one
    assert "void" not in one
    void = world.site.decide(Action.PROMOTE, world.site.about("a"), "dora").entry.number
    assert re.search(r"It changes nothing: .+", browser.get(f"/ledger?entry={void}").text)


def test_a_ledger_of_many_entries_comes_in_pages_and_a_long_detail_is_cut(world: World) -> None:
    for number in range(60):
        world.site.decide(Action.COMMENT, world.site.about("a"), "ben" if number else "ada")
    long = world.site.about("a").decided(
        Action.COMMENT, actor="ben", nonce="long", reason="x" * 5_000
    )  # fmt: skip
    world.site.own.ledger.append(long, world.site.signer("ben"))
    browser = world.browser("ben")
    path, seen = "/ledger?action=comment", []
    while path:
        text = browser.get(path).text
        seen += re.findall(r'id="entry-(\d+)"', text)
        assert "x" * 1_000 not in text
        following = re.search(r'"(/ledger\?[^"]*before=[^"]+)">Older', text)
        path = following[1].replace("&amp;", "&") if following else ""
    assert len(seen) == len(set(seen)) == 61
    assert re.findall(r'id="entry-\d+"', browser.get("/ledger?action=comment&person=ada").text)


def test_lineage_is_a_tree_with_links_and_a_table_of_decisions(world: World) -> None:
    bundle = world.site.rollout.releases[2].bundle
    world.device("gate-1", {"release": 2}, site="station")
    begun = {"device": "gate-1", "model": MODEL, "begin": 0, "end": None, "release": 2, "bundle": bundle}
    world.add({SPANS: [begun]})
    name = make_id("gate-1", bundle, datetime.now(UTC), "abcdef")
    world.store.tell([Told(name, right=True, truth="van", source="review")], "ben")
    browser = world.browser("ben")
    up = browser.get(f"/lineage?of={name}").text
    assert 'href="/devices/gate-1"' in up
    assert "approve by ben" in up
    assert re.search(r'href="/ledger\?entry=\d+"', up)
    assert re.search(r'href="/lineage\?of=bundle%3A[0-9a-f]{64}"', up)
    down = browser.get(f"/lineage?of={MODEL}%232&way=down").text
    assert "device gate-1" in down
    assert f"/lineage.csv?of={MODEL}%232" in down
    table = browser.get(f"/lineage.csv?of={MODEL}%232")
    assert table.kind == "text/csv; charset=utf-8"
    assert [line.partition(",")[0] for line in table.text.splitlines()] == ["decision", name]
    assert "What it came from" in browser.get("/lineage?of=gate-1").text


def test_a_tree_is_cut_where_a_page_is_full_and_a_walk_where_it_takes_long() -> None:
    nodes = [Node(Kind.FILE, str(number)) for number in range(9)]
    leaves = tuple(Branch("holds", (one,)) for one in nodes[:4])
    room = Room(5)
    kept = room.cut([Branch("made", (nodes[4],), below=leaves), Branch("made", (nodes[5],), below=leaves)])
    assert [len(one.below) for one in kept] == [3, 0]
    assert room.left_out == 5
    moments = iter((0.0, PATIENCE_S - 1, PATIENCE_S + 1))
    bounded = _Bounded("x", lambda: next(moments))
    bounded.looking("a run")
    with pytest.raises(Enough, match="Stopped at a bundle after 5 s"):
        bounded.looking("a bundle")


def test_notices_stand_in_groups_with_the_next_command_and_silences_with_their_end(world: World) -> None:
    for number in range(3):
        world.device(f"gate-{number}", silent=True, site="station" if number else "harbour")
    world.device("gate-8", site="airport")
    until = datetime.now(UTC) + timedelta(days=2)
    with Book.of(world.site.loaded()) as book:
        book.silence("silent/harbour", until, "the site is being rebuilt", "edda")
    text = world.browser("ben").get("/notices").text
    assert text.count("<h2>Devices that say nothing</h2>") == 1
    assert "<code>slipway fleet list --site station --silent</code>" in text
    assert f"Silenced until {until:%Y-%m-%d %H:%M} UTC by edda: the site is being rebuilt" in text
    assert text.index("of site station") < text.index("of site harbour"), "what is silenced stands behind"


def test_every_kind_of_cause_has_a_title() -> None:
    assert set(CAUSES) == {*KINDS, RETRAINING}


def test_notices_of_a_kind_are_one_group_the_weightiest_first() -> None:
    now = datetime.now(UTC)

    def standing(cause: str, weight: Weight, **more: Any) -> Standing:
        return Standing(Notice(cause, weight, cause, "", "", now), now, now, **more)

    quiet = Silence("silent/b", now, "", "edda", now)
    found = grouped([
        standing("approval/x", Weight.NOTE), standing("silent/b", Weight.URGENT, silence=quiet),
        standing("silent/a", Weight.WARNING), standing("made-up/thing", Weight.URGENT),
    ])  # fmt: skip
    assert [one.title for one in found] == ["made up", "Devices that say nothing", "Approvals that are awaited"]
    assert [one.notice.cause for one in found[1].standings] == ["silent/a", "silent/b"]
