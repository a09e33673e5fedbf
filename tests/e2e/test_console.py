"""The console in a real browser, over a real service process, with a store of some hundred devices.

Each page is looked at on a phone and at a desk, in light and in dark: it fits, it can be read and touched, it asks
nobody else, and the browser has nothing to say against it. Screenshots lie in pytest's folder, to be looked at.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Connection, insert

from fleet_service import FieldDevice
from fleet_service.device import standing
from rolling_out import MODEL, Site
from slipway.platform.ledger.entry import Action
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

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.xdist_group("console"), pytest.mark.timeout(240)]

SLIPWAY = str(Path(sys.executable).with_name("slipway"))
CHROMIUM = Path("/usr/bin/chromium")
DEVICE_COUNT = 300
SITES = ("harbour", "station", "market-square", "airport-long-stay", "old-town", "west")
REAL = "gate-real"
"""A device that reports over HTTP."""
TOKEN = f"sw1-{'0' * 64}-{'0' * 32}"
PATIENCE_MS = 15_000
LEAST_CONTRAST = 4.5
LEAST_TOUCH = 40
SIZES = {"phone": (390, 844), "desk": (1280, 900)}

CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const one of document.querySelectorAll("body *")) {
    const told = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!told || !one.getClientRects().length) continue;
    const style = getComputedStyle(one);
    const ink = one instanceof SVGElement ? style.fill : style.color;
    const [high, low] = [light(parse(ink)), light(behind(one))].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    const name = `${one.tagName}.${one.getAttribute("class")} ${one.textContent.trim().slice(0, 30)}`;
    if (ratio < LEAST) found.push(`${name}: ${ratio.toFixed(2)}`);
  }
  return found;
}""".replace("LEAST", str(LEAST_CONTRAST))
TOUCH = """() => [...document.querySelectorAll(
    "button, a.button, nav a, input:not([type=hidden]), select, summary, .tree a, .tiles a, .stack td:first-child a"
  )]
  .filter((one) => one.getClientRects().length && !one.closest(".command"))
  .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect().height])
  .filter(([, high]) => high < LEAST)""".replace("LEAST", str(LEAST_TOUCH))
ASIDE = """() => [...document.querySelectorAll("main *")]
  .filter((one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX !== "visible")
  .filter((one) => one.tagName !== "INPUT" && one.tagName !== "SELECT").map((one) => one.outerHTML.slice(0, 120))"""
WIDE = """() => [...document.querySelectorAll("body *")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && one.getBoundingClientRect().left >= 0)
  .map((one) => one.outerHTML.slice(0, 120)).slice(0, 5)"""


@dataclass
class World:
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

    @property
    def paths(self) -> dict[str, str]:
        return {
            "models": "/",
            "model": f"/models/{MODEL}",
            "pause": f"/models/{MODEL}/pause",
            "fleet": "/fleet",
            "fleet-filtered": "/fleet?state=failed&site=harbour",
            "fleet-none": "/fleet?search=nothing-like-it",
            "device": f"/devices/{REAL}",
            "device-then": f"/devices/gate-00003?at={datetime.now(UTC) - timedelta(days=3):%Y-%m-%d}",
            "ledger": "/ledger",
            "entry": "/ledger?entry=4",
            "lineage": "/lineage",
            "lineage-decision": f"/lineage?of={self.decision}",
            "lineage-release": f"/lineage?of={MODEL}%232&way=down",
            "notices": "/notices",
        }

    @property
    def wrong(self) -> dict[str, int]:
        return {
            "/fleet?release=abc": 422,
            "/fleet?colour=red": 422,
            "/fleet?state=odd": 422,
            "/fleet?after=%00%ff": 422,
            "/ledger?before=-1": 422,
            "/ledger?entry=9999": 404,
            "/devices/nothing": 404,
            "/models/nothing": 404,
            f"/models/{MODEL}/paint": 404,
            "/lineage?of=nothing-like-it": 422,
            "/nothing": 404,
            "/session/used": 401,
        }


@dataclass
class Visit:
    """A browser's context of one person, and what it had to say."""

    context: "BrowserContext"
    url: str
    said: list[str] = field(default_factory=list)
    code: int = 0
    kind: str = ""

    @cached_property
    def page(self) -> "Page":
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.said.append(f"{page.url}: {error}"))
        page.on("request", self._request)
        return page

    def open(self, path: str) -> "Page":
        answer = self.page.goto(self.url + path)
        assert answer is not None
        self.code, self.kind = answer.status, answer.headers["content-type"]
        return self.page

    def _console(self, message: "ConsoleMessage") -> None:
        if message.type in {"error", "warning"}:
            self.said.append(f"{message.location}: {message.text}")

    def _request(self, request: "Request") -> None:
        if not request.url.startswith(f"{self.url}/"):
            self.said.append(f"asked elsewhere: {request.url}")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, browser: "Browser") -> Iterator[World]:
    assert browser.is_connected()
    site = Site(tmp_path_factory.mktemp("console") / "site").open()
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
        code, answer = device.report(standings=[_standing(site, 2)], streams={"entry": "well", "exit": "lost"})
        assert code == 200, answer
        yield World(site, url, device, decision)


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    if _executable() is None:
        pytest.skip("there is no Chromium here")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=str(_executable()), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def cookies(world: World, browser: "Browser") -> dict[str, Sequence[Any]]:
    """Of sessions that people opened by the address that their command printed."""
    found: dict[str, Sequence[Any]] = {}
    for person in ("cleo", "ben"):
        context = browser.new_context()
        page = context.new_page()
        page.goto(world.opening(person))
        assert page.inner_text(".who") == person
        found[person] = context.cookies()
        context.close()
    return found


@contextmanager
def visiting(world: World, browser: "Browser", cookies: Sequence[Any], size: str = "desk") -> Iterator[Visit]:
    wide, high = SIZES[size]
    context = browser.new_context(viewport={"width": wide, "height": high}, has_touch=size == "phone")
    context.add_cookies(list(cookies))
    visit = Visit(context, world.url)
    try:
        yield visit
    finally:
        context.close()


def test_every_page_fits_can_be_read_and_touched_and_asks_nobody_else(
    world: World, browser: "Browser", cookies: dict[str, Sequence[Any]], tmp_path: Path
) -> None:
    wrong: list[str] = []
    for size, (width, _) in SIZES.items():
        with visiting(world, browser, cookies["cleo"], size) as visit:
            for name, path in world.paths.items():
                page = visit.open(path)
                wide = page.evaluate("document.documentElement.scrollWidth")
                if wide > width:
                    wrong.append(f"{name} {size}: {wide} wide: {page.evaluate(WIDE)}")
                if size == "phone":
                    wrong += [f"{name}: small {one}" for one in page.evaluate(TOUCH)]
                    wrong += [f"{name}: scrolls sideways: {one}" for one in page.evaluate(ASIDE)]
                for scheme in ("light", "dark"):
                    page.emulate_media(color_scheme=scheme)
                    wrong += [f"{name} {size} {scheme}: contrast of {one}" for one in page.evaluate(CONTRAST)]
                    page.screenshot(path=tmp_path / f"{name}-{size}-{scheme}.png", full_page=name != "fleet")
            wrong += visit.said
    assert wrong == []


def test_what_is_wrong_is_a_page_with_a_way_back(
    world: World, browser: "Browser", cookies: dict[str, Sequence[Any]], tmp_path: Path
) -> None:
    with visiting(world, browser, cookies["cleo"], "phone") as visit:
        for number, (path, code) in enumerate(world.wrong.items()):
            page = visit.open(path)
            assert (path, visit.code) == (path, code)
            assert visit.kind.startswith("text/html")
            assert page.inner_text("main .said")
            assert page.locator("main a.button").first.get_attribute("href")
            assert page.evaluate("document.documentElement.scrollWidth") <= SIZES["phone"][0]
            page.screenshot(path=tmp_path / f"wrong-{number}.png")
        page = visit.open("/fleet?state=odd")
        assert "Expected one of well, changing, failed" in page.inner_text("main")
        page.click("text=The fleet")
        assert page.inner_text("h1") == "Fleet"


def test_an_open_page_shows_what_a_device_tells_without_being_loaded_again(
    world: World, browser: "Browser", cookies: dict[str, Sequence[Any]]
) -> None:
    with visiting(world, browser, cookies["ben"]) as visit:
        page = visit.open(f"/devices/{REAL}")
        page.evaluate("window.same = true")
        assert "went back from release 2" not in page.inner_text("main")
        told = _standing(world.site, 1, phase="reverted", bad=[2], why="It went back from release 2: golden outputs.")
        assert world.device.report(standings=[told], streams={"entry": "well"})[0] == 200
        page.wait_for_selector("text=It went back from release 2")
        assert page.inner_text("h1 .badge") == "failed"
        assert page.evaluate("window.same") is True
        assert visit.said == []


def test_who_may_pauses_with_a_reason_and_who_may_not_is_told(
    world: World, browser: "Browser", cookies: dict[str, Sequence[Any]], tmp_path: Path
) -> None:
    with visiting(world, browser, cookies["ben"], "phone") as visit:
        page = visit.open(f"/models/{MODEL}/pause")
        assert page.inner_text("h1") == "Not yours to do"
        assert "ben" in page.inner_text("main")
        page.screenshot(path=tmp_path / "refused.png")
    with visiting(world, browser, cookies["cleo"], "phone") as visit:
        page = visit.open(f"/models/{MODEL}/pause")
        page.click("button")
        assert page.inner_text("h1") == f"Pause {MODEL}", "a form without a reason goes nowhere"
        page.fill("input[name=reason]", "cameras of the harbour are blind")
        page.screenshot(path=tmp_path / "reason.png")
        page.click("button")
        page.wait_for_url(f"{world.url}/models/{MODEL}")
        assert "cameras of the harbour are blind" in page.inner_text("main")
        page.screenshot(path=tmp_path / "paused.png", full_page=True)
        assert visit.said == []
    (entry,) = world.site.entries(Action.PAUSE)
    assert (entry.signer, entry.entry.decision.details["asked_by"]) == ("rollouts", "cleo")


def test_decisions_of_a_release_come_as_csv(
    world: World, browser: "Browser", cookies: dict[str, Sequence[Any]]
) -> None:
    with visiting(world, browser, cookies["ben"]) as visit:
        page = visit.open(f"/lineage?of={MODEL}%232&way=down")
        with page.expect_download() as downloading:
            page.click("text=Decisions as CSV")
        lines = downloading.value.path().read_text().splitlines()
        assert lines[0] == "decision,model,release,device,at,bundle"
        assert [line.partition(",")[0] for line in lines[1:]] == [world.decision]
        assert downloading.value.suggested_filename == f"decisions-{MODEL}-2.csv"


def _executable() -> Path | None:
    """The machine's Chromium, or the one that playwright has installed."""
    if CHROMIUM.exists():
        return CHROMIUM
    with playwright.sync_playwright() as started:
        found = Path(started.chromium.executable_path)
    return found if found.exists() else None


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
