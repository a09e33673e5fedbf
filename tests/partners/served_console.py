"""A project whose release 2 is on its way, a store of some hundred devices, and `slipway fleet serve` over it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from fleet_service import FieldDevice
from fleet_service.device import standing
from rolling_out import MODEL, Site
from slipway.serving.bundle.canonical import sha256
from slipway.serving.channel.pointer import Wave
from slipway.serving.edge.decisions import make_id
from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.enrolling import By, Token
from slipway.serving.fleet.store.outcomes import Told
from slipway.serving.fleet.store.packing import Sum
from slipway.serving.fleet.store.store import FleetStore
from slipway.serving.fleet.store.tables import DEVICES, HEARD, HOURS, SPANS, STANDINGS, SUBJECTS
from slipway.serving.runtime.quantiles import Quantiles

SLIPWAY = str(Path(sys.executable).with_name("slipway"))
DEVICE_COUNT = 300
SITES = ("harbour", "station", "market-square", "airport-long-stay", "old-town", "west")
REAL = "gate-real"
"""A device that reports over HTTP."""
TOKEN = f"sw1-{'0' * 64}-{'0' * 32}"


@dataclass
class ServedConsole:
    """A project, its service, and one device that is real."""

    site: Site
    url: str
    device: FieldDevice
    decision: str

    def slipway(self, by: str, *arguments: str) -> str:
        environ = {**_environ(self.site, by), "SLIPWAY_FLEET__URL": self.url}
        done = subprocess.run(
            [SLIPWAY, *arguments],
            cwd=self.site.root,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def opening(self, by: str) -> str:
        """The one-time address that a person's command prints."""
        return self.slipway(by, "fleet", "console", "--print").split()[0]

    def tell(self, number: int, *, camera: str = "well", **more: Any) -> None:
        """The real device reports that it runs a release."""
        code, answer = self.device.report(
            standings=[_standing(self.site, number, **more)], streams={"entry": "well", "exit": camera}
        )
        assert code == 200, answer


@contextmanager
def served_console(folder: Path) -> Iterator[ServedConsole]:
    """All of it, until the block ends."""
    site = Site(folder).open()
    site.release("a")
    site.promote("b")
    site.start(wave=Wave(share=10.0))
    now = datetime.now(UTC)
    decision = make_id("gate-00003", site.rollout.releases[2].bundle, now - timedelta(minutes=5), "abcdef")
    with FleetStore.of(site.loaded()) as store:
        _fill(store, site, now)
        store.tell([Told(decision, right=False, truth="van", source="review")], "ben")
        token = Token(sha256(TOKEN.encode()), now + timedelta(days=1), (MODEL,), site="harbour")
        store.make_tokens(site.repository().root_bytes(), [token], By("edda", b""))
    with _served(site) as url:
        device = FieldDevice(url, REAL)
        assert device.enrol(TOKEN)[0] == 200
        found = ServedConsole(site, url, device, decision)
        found.tell(2, camera="lost")
        yield found


def _environ(site: Site, by: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLIPWAY_", "XDG_"))}
    return {**kept, **site.environ, "SLIPWAY_IDENTITY__PERSON": by, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


@contextmanager
def _served(site: Site) -> Iterator[str]:
    """`slipway fleet serve`; where it listens."""
    command = [SLIPWAY, "fleet", "serve", "--port", "0"]
    with ExitStack() as stack:
        log = stack.enter_context((site.root / "serve.log").open("w"))
        child = stack.enter_context(
            subprocess.Popen(
                command,
                cwd=site.root,
                env=_environ(site, "rollouts"),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        )
        assert child.stdout is not None
        try:
            line = child.stdout.readline()
            found = re.match(r"Listening at (http://127\.0\.0\.1:\d+)", line)
            assert found, (line, (site.root / "serve.log").read_text())
            yield found[1]
        finally:
            child.terminate()
            assert child.wait(30) == 0
    assert "Traceback" not in (site.root / "serve.log").read_text()


def _standing(site: Site, number: int, **more: Any) -> dict[str, Any]:
    bundle = site.rollout.releases[number].bundle
    why = f"Release {number} was proven here and is in its wave."
    return {
        **standing(MODEL, number, phase="settled", variant="fp32", provider="cpu", why=why),
        "bundle": bundle,
        **more,
    }


def _hours(now: datetime) -> list[dict[str, Any]]:
    """What one device did in the last day."""
    latency = Quantiles()
    for milliseconds in (8, 9, 11, 12, 40):
        latency.add(milliseconds, 100)
    newest = times.stamp(now) // times.HOUR * times.HOUR
    found = []
    for back in range(22):
        at = newest - back * times.HOUR
        done = Sum(
            counts={"answered": 900 + 40 * (back % 7), "failed": 40 * (back % 5 == 3), "dropped": 3}, latency=latency
        )
        found.append({"subject": 900, "at": at, "device": "gate-00003", "first": at, "last": at, **done.columns()})
    return found


def _fill(store: FleetStore, site: Site, now: datetime) -> None:
    """Devices as a fleet has them: most are well, some are silent, some have failed."""
    old, new = (site.rollout.releases[number].bundle for number in (1, 2))
    begun = times.stamp(now - timedelta(days=20))
    numbers = range(DEVICE_COUNT)
    names = [f"gate-{number:05}" for number in numbers]
    devices = [
        {"id": name, "public_key": f"{number:064x}", "device_class": ("edge-cpu", "orin-nano")[number % 3 == 0],
         "site": SITES[number % len(SITES)], "cohorts": '["early"]' if number % 10 == 0 else "[]",
         "models": json.dumps([MODEL]), "token": "", "enrolled_at": begun}
        for number, name in zip(numbers, names, strict=True)
    ]  # fmt: skip
    heard = [
        {"device": name, "sequence": 1, "at": times.stamp(now - timedelta(hours=30 if number % 97 == 5 else 0)),
         "clock_ms": 120, "left": 0, "said": "", "agent": "0.1.0", "site_sequence": 0,
         "streams": '{"entry":"well","exit":"moved"}', "unreadable": 0}
        for number, name in zip(numbers, names, strict=True)
    ]  # fmt: skip
    running = [
        {"device": name, "model": MODEL, "phase": "settled", "release": 2 if number % 10 == 3 else 1,
         "bundle": new if number % 10 == 3 else old, "variant": "fp32", "provider": "cpu", "since": begun,
         "bad": "[2]" if number % 60 == 12 else "[]", "coming": 2 if number % 50 == 7 else None, "sequence": 1,
         "why": "It runs what everybody may run; the wave does not include it."}
        for number, name in zip(numbers, names, strict=True)
    ]  # fmt: skip
    changed = times.stamp(now - timedelta(days=1))
    spans = [
        {"device": name, "model": MODEL, "begin": begin, "end": end, "release": release, "bundle": bundle,
         "variant": "fp32"}
        for number, name in zip(numbers, names, strict=True)
        for begin, end, release, bundle in (
            ((begun, changed, 1, old), (changed, None, 2, new)) if number % 10 == 3 else ((begun, None, 1, old),)
        )
    ]  # fmt: skip

    def add(connection: Connection) -> None:
        connection.execute(insert(DEVICES), devices)
        connection.execute(insert(HEARD), heard)
        connection.execute(insert(STANDINGS), running)
        connection.execute(insert(SPANS), spans)
        connection.execute(insert(SUBJECTS).values(number=900, name=f"{MODEL}/2/{new}", model=MODEL, release=2))
        connection.execute(insert(HOURS), _hours(now))

    store.writer.do(add)
