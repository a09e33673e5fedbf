"""The console in a real browser, over a real service process, with a store of some hundred devices.

Each page is looked at on a phone and at a desk, in light and in dark: it fits, it can be read and touched, it asks
nobody else, and the browser has nothing to say against it. Screenshots lie in pytest's folder, to be looked at.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rolling_out import MODEL
from served_console import REAL, ServedConsole, served_console
from slipway.platform.ledger.entry import Action

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.xdist_group("console"), pytest.mark.timeout(240)]

CHROMIUM = Path("/usr/bin/chromium")
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


def paths_of(world: ServedConsole) -> dict[str, str]:
    """Every page, by a name."""
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
        "lineage-decision": f"/lineage?of={world.decision}",
        "lineage-release": f"/lineage?of={MODEL}%232&way=down",
        "notices": "/notices",
    }


WRONG = {
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
def world(tmp_path_factory: pytest.TempPathFactory, browser: "Browser") -> Iterator[ServedConsole]:
    assert browser.is_connected()
    with served_console(tmp_path_factory.mktemp("console") / "site") as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    if _executable() is None:
        pytest.skip("there is no Chromium here")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=str(_executable()), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def cookies(world: ServedConsole, browser: "Browser") -> dict[str, Sequence[Any]]:
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
def visiting(world: ServedConsole, browser: "Browser", cookies: Sequence[Any], size: str = "desk") -> Iterator[Visit]:
    wide, high = SIZES[size]
    context = browser.new_context(viewport={"width": wide, "height": high}, has_touch=size == "phone")
    context.add_cookies(list(cookies))
    visit = Visit(context, world.url)
    try:
        yield visit
    finally:
        context.close()


def test_every_page_fits_can_be_read_and_touched_and_asks_nobody_else(
    world: ServedConsole, browser: "Browser", cookies: dict[str, Sequence[Any]], tmp_path: Path
) -> None:
    wrong: list[str] = []
    for size, (width, _) in SIZES.items():
        with visiting(world, browser, cookies["cleo"], size) as visit:
            for name, path in paths_of(world).items():
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
    world: ServedConsole, browser: "Browser", cookies: dict[str, Sequence[Any]], tmp_path: Path
) -> None:
    with visiting(world, browser, cookies["cleo"], "phone") as visit:
        for number, (path, code) in enumerate(WRONG.items()):
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
    world: ServedConsole, browser: "Browser", cookies: dict[str, Sequence[Any]]
) -> None:
    with visiting(world, browser, cookies["ben"]) as visit:
        page = visit.open(f"/devices/{REAL}")
        page.evaluate("window.same = true")
        assert "went back from release 2" not in page.inner_text("main")
        world.tell(1, phase="reverted", bad=[2], why="It went back from release 2: golden outputs.")
        page.wait_for_selector("text=It went back from release 2")
        assert page.inner_text("h1 .badge") == "failed"
        assert page.evaluate("window.same") is True
        assert visit.said == []


def test_who_may_pauses_with_a_reason_and_who_may_not_is_told(
    world: ServedConsole, browser: "Browser", cookies: dict[str, Sequence[Any]], tmp_path: Path
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
    world: ServedConsole, browser: "Browser", cookies: dict[str, Sequence[Any]]
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
