"""`slipway notices`, `incident` and `lineage` of a decision, as people run them, over a real project and store."""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sqlalchemy

from filled_fleet import fill
from imported import HEAVY, modules_after
from rolling_out import MODEL, Site
from slipway.serving.edge.decisions import make_id
from slipway.serving.fleet.notices.book import Book
from slipway.serving.fleet.opened import open_reader
from slipway.serving.fleet.store import opening
from slipway.serving.fleet.store.outcomes import Told
from slipway.serving.fleet.store.store import FleetStore
from slipway.serving.fleet.store.tables import OUTCOMES, SENDINGS


@dataclass
class Receiver:
    """A web server that gets notices."""

    url: str
    got: list[dict[str, Any]] = field(default_factory=list)
    code: int = 200
    holds: threading.Event | None = None
    """It answers nothing before this is set."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append(json.loads(body))
            if receiver.holds is not None:
                receiver.holds.wait(30)
            self.send_response(receiver.code)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        receiver = Receiver(f"json://ada:pass-word-1@127.0.0.1:{server.server_address[1]}/hook-secret")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


def test_a_silent_site_is_told_over_http_once_and_no_secret_is_shown(
    site: Site, run: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fill(site, heard={"gate-1": timedelta(hours=2), "gate-2": timedelta(), "gate-3": timedelta(hours=3)})
    with receiving() as receiver:
        monkeypatch.setenv("SLIPWAY_NOTICES__URLS", json.dumps([receiver.url]))
        code, out, err = run("notices", "send", "--dry-run")
        assert (code, out.split(), receiver.got) == (0, ["silent/harbour"], [])
        code, out, err = run("notices", "send")
        assert (code, out) == (0, "silent/harbour: sent to 1 (json)\n")
        assert run("notices", "send")[1] == ""
        [got] = receiver.got
        assert got["title"] == "[slipway] warning: 2 of 3 devices of site harbour say nothing"
        assert "gate-1, gate-3" in got["message"]
        assert "Next: slipway fleet list --site harbour --silent" in got["message"]
    code, out, err = run("notices", "list")
    assert code == 0
    assert "told 2" in out
    assert run("notices", "silence", "silent/harbour", "--until", "4h", "--reason", "the mast is down")[0] == 0
    assert "silenced until" in run("notices", "list")[1]
    assert json.loads(run("notices", "silences", "--json")[1])["silences"][0]["person"] == "cleo"
    assert run("notices", "unsilence", "silent/harbour")[0] == 0
    assert run("notices", "unsilence", "silent/harbour")[0] == 2
    assert run("notices", "silence", "nonsense", "--until", "4h", "--reason", "why")[0] == 2
    assert run("notices", "silence", "silent/x", "--until", "200d", "--reason", "why")[0] == 2
    assert not any(secret in out + err + caplog.text for secret in ("pass-word-1", "hook-secret"))


def test_a_flow_raises_what_no_look_finds_and_ends_it(site: Site, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(site, heard={"gate-1": timedelta()})
    cause, why = f"retraining-failed/{MODEL}", ("--text", "The validation of snapshot 0a1b2c found 12 faults.")
    with receiving() as receiver:
        monkeypatch.setenv("SLIPWAY_NOTICES__URLS", json.dumps([receiver.url]))
        assert run("notices", "raise", cause, *why, "--dry-run")[0] == 0
        assert run("notices", "list")[1] == ""
        for _ in range(2):
            assert run("notices", "raise", cause, *why, "--next", "slipway runs --failed")[0] == 0
            run("notices", "send")
        assert run("notices", "end", cause, "--dry-run")[0] == 0
        assert f"{cause}, since" in run("notices", "list")[1]
        assert json.loads(run("notices", "end", cause, "--json")[1]) == {"cause": cause, "changed": True}
        assert run("notices", "send")[1] == f"{cause}: over to 1 (json)\n"
        assert [one["title"] for one in receiver.got] == [
            f"[slipway] warning: Retraining of {MODEL} failed", f"[slipway] over: Retraining of {MODEL} failed"
        ]  # fmt: skip
        assert "Next: slipway runs --failed" in receiver.got[0]["message"]
    assert run("notices", "end", cause)[0] == 2
    assert run("notices", "raise", "silent/harbour", *why)[0] == 2
    assert run("notices", "raise", cause, "--text", " ")[0] == 2


def test_a_server_that_fails_is_told_without_its_address(
    site: Site, run: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fill(site, heard={"gate-1": timedelta(hours=2), "gate-2": timedelta()})
    with receiving() as receiver:
        receiver.code = 500
        monkeypatch.setenv("SLIPWAY_NOTICES__URLS", json.dumps([receiver.url]))
        code, out, err = run("notices", "send")
    assert code == 1
    assert out == "silent/harbour: not sent to 1 (json)\n"
    assert not any(secret in out + err + caplog.text for secret in ("pass-word-1", "hook-secret", "127.0.0.1"))
    monkeypatch.setenv("SLIPWAY_NOTICES__URLS", json.dumps(["nonsense://secret-word"]))
    code, out, err = run("notices", "send")
    assert code == 2
    assert "secret-word" not in err


def test_a_sender_that_is_killed_loses_nothing(site: Site, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(site, heard={"gate-1": timedelta(hours=2), "gate-2": timedelta()})
    with receiving() as receiver:
        receiver.holds = threading.Event()
        monkeypatch.setenv("SLIPWAY_NOTICES__URLS", json.dumps([receiver.url]))
        code = "import sys; from slipway.platform.cli.main import main; sys.exit(main(['notices', 'send']))"
        child = subprocess.Popen([sys.executable, "-c", code], env={**os.environ}, cwd=site.root)
        until = time.monotonic() + 60
        while not receiver.got:
            assert time.monotonic() < until
            assert child.poll() is None
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
        child.wait()
        receiver.holds.set()
        assert run("notices", "send")[1] == ""
        loaded = site.loaded()
        with Book.of(loaded, now=lambda: datetime.now(UTC) + timedelta(hours=1)) as book:
            claimed = book.claim(_place(book), timedelta(hours=24))
        assert claimed is not None
        assert claimed.standing.notice.cause == "silent/harbour"


def _place(book: Book) -> str:
    with book._engine.connect() as connection:
        return str(connection.scalar(sqlalchemy.select(SENDINGS.c.place)))


def test_a_class_on_which_a_release_fails_is_undone_by_one_who_is_on_call(site: Site, run: Any) -> None:
    fill(site, heard={"gate-1": timedelta(), "gate-2": timedelta(), "gate-3": timedelta()}, bad=("gate-1", "gate-2"))
    code, out, err = run("incident", MODEL)
    assert (code, err) == (0, "")
    assert "2 of 3 devices of the class edge-cpu" in out
    assert f"slipway rollback {MODEL} --release 2" in out
    assert "you are (`cleo`)" in out
    assert f"release {MODEL} release 2" in out
    told = json.loads(run("incident", MODEL, "--json")[1])
    assert [one["what"] for one in told["changes"] if one["where"] == "devices"] == [
        f"2 of site harbour came to release 1 of {MODEL}",
        f"1 of site harbour came to release 2 of {MODEL}",
    ]
    assert {(one["release"], one["devices"]) for one in told["runs"]} == {(1, 2), (2, 1)}
    assert "`ben` is not; cleo or dora can" in run("incident", "--json", MODEL, by="ben")[1]
    site.undo()
    found = json.loads(run("incident", MODEL, "--json")[1])
    assert not found["next"]["command"].startswith("slipway rollback")
    assert run("incident", MODEL, "--since", "nonsense")[0] == 2
    assert run("incident", "no-such-model")[0] == 2


def test_a_site_that_nobody_knows_is_no_quiet_site(site: Site, run: Any) -> None:
    fill(site, heard={"gate-1": timedelta()})
    assert "  nothing is known to be wrong\n" in run("incident", "--site", "harbour")[1]
    code, out, err = run("incident", "--site", "harbor")
    assert (code, out) == (2, "")
    assert "Did you mean `harbour`?" in err


def test_an_incident_is_shown_where_there_is_no_fleet_store(site: Site, run: Any) -> None:
    code, out, err = run("incident")
    assert code == 0
    assert "nothing is known" in out
    assert "no fleet store" in err
    assert not site.root.joinpath(".slipway", "fleet.db").exists()
    assert run("notices", "list")[0] == 0
    assert not site.root.joinpath(".slipway", "fleet.db").exists()


def test_a_decision_leads_back_to_device_release_version_and_people(site: Site, run: Any) -> None:
    fill(site, heard={"gate-1": timedelta(), "gate-2": timedelta()})
    now = datetime.now(UTC)
    old, new = (site.rollout.releases[number].bundle for number in (1, 2))
    first = make_id("gate-1", old, now - timedelta(days=1), "abcdef")
    second = make_id("gate-1", new, now, secrets.choice("0123456789") * 6)
    for name, number in ((first, 1), (second, 2)):
        code, out, err = run("lineage", name)
        assert (code, err) == (0, "")
        assert "device: device gate-1 of site harbour" in out
        assert f"release: release {number} of {MODEL}" in out
        assert f"released as: {MODEL}/{number}" in out
        assert "approve by ben" in out
        assert "! " not in out
    code, out, _ = run("lineage", make_id("gate-9", new, now, "abcdef"))
    assert code == 0
    assert f"release: release 2 of {MODEL}" in out
    assert "does not know a device `gate-9`" in out
    assert run("lineage", "20269929T004613123456Z.gate.0a722281.q7k2m9")[0] == 2
    with FleetStore.of(site.loaded()) as store:
        store.tell([Told(second, right=False, truth="van", source="review")], "ben")
    code, out, err = run("lineage", f"{MODEL}#2", "--downstream")
    assert "on: device gate-1" in out
    code, out, err = run("lineage", f"{MODEL}#2", "--downstream", "-o", "csv")
    lines = out.splitlines()
    assert lines[0] == "decision,model,release,device,at,bundle"
    assert lines[1].startswith(f"{second},{MODEL},2,gate-1,")
    assert len(lines) == 2
    assert run("lineage", f"{MODEL}#2", "-o", "csv")[0] == 2
    assert run("lineage", f"{MODEL}#7")[0] == 2
    for name in ("gate-1", "device:gate-1"):
        code, out, err = run("lineage", name)
        assert (code, err) == (0, "")
        assert f": release 2 of {MODEL}" in out
        assert "approve by ben" in out
    assert run("lineage", "gate-9")[0] == 2


def test_many_decisions_come_one_after_another(site: Site) -> None:
    fill(site, heard={"gate-1": timedelta()})
    loaded = site.loaded()
    bundle, now, many = site.rollout.releases[2].bundle, datetime.now(UTC), 30_000
    names = [make_id("gate-1", bundle, now - timedelta(seconds=number), "abcdef") for number in range(many)]
    with FleetStore.of(loaded) as store:
        store.tell([Told(name, right=True, truth="van", source="review") for name in names[:1]], "ben")
    engine = opening.open_engine(opening.address(loaded.settings.fleet.database, loaded.root), writes=True)
    with engine.begin() as connection:
        row = dict(connection.execute(sqlalchemy.select(OUTCOMES)).mappings().one())
        connection.execute(sqlalchemy.insert(OUTCOMES), [{**row, "decision": name} for name in names[1:]])
    engine.dispose()
    with open_reader(loaded) as reader:
        assert reader is not None
        assert len(list(reader.decisions(MODEL, 1))) == 0
        tracemalloc.start()
        count, last = 0, ""
        for name in reader.decisions(MODEL, 2):
            assert name > last
            count, last = count + 1, name
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert count == many
    assert most < sum(map(sys.getsizeof, names)) / 3


def test_a_decision_leads_back_by_the_ledger_alone(site: Site, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = site.rollout.releases[2].bundle
    code, out, _ = run("lineage", make_id("gate-1", bundle, datetime.now(UTC), "abcdef"))
    assert code == 0
    assert f"release: release 2 of {MODEL}" in out
    assert "There is no fleet store here" in out
    monkeypatch.setenv("SLIPWAY_IDENTITY__PERSON", "cleo")
    imported = modules_after("lineage", make_id("gate-1", bundle, datetime.now(UTC), "abcdef"))
    assert "securesystemslib" in imported
    assert imported & {"sqlalchemy", *HEAVY} == set()
    assert not site.root.joinpath(".slipway", "fleet.db").exists()


def test_what_a_pause_by_the_service_says(site: Site, run: Any) -> None:
    from slipway.serving.release.moving import pausing

    site.move(pausing(), "rollouts", reason="slower by 5 %")
    found = json.loads(run("notices", "list", "--json")[1])["notices"]
    assert [(one["cause"], one["weight"]) for one in found] == [(f"rollout-stopped/{MODEL}/2", "urgent")]
    assert "slower by 5 %" in found[0]["text"]
    assert run("notices", "list")[0] == 1
