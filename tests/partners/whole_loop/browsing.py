"""A person's browser on the pages of a stack: Airflow, MLflow, the console. Pictures are kept where that is wanted."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM: Final = Path("/usr/bin/chromium")
FLAGS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
SIZE: Final[Any] = {"width": 1280, "height": 800}
PATIENCE_SECONDS: Final = 400.0
"""For what servers of a busy machine show at last."""
GREEN: Final = """(one) => {
  const drawn = document.createElement("canvas").getContext("2d");
  drawn.fillStyle = getComputedStyle(one).backgroundColor;
  drawn.fillRect(0, 0, 1, 1);
  const [red, green, blue] = drawn.getImageData(0, 0, 1, 1).data;
  return green > 60 && red < green / 2 && blue < green / 2;
}"""
"""Drawn, because the style names the colour in any of many ways."""


class Window:
    """One page at the size of the pictures."""

    def __init__(self, page: "Page", folder: Path | None) -> None:
        self.page, self._folder = page, folder
        page.set_default_timeout(PATIENCE_SECONDS * 1000)

    def keep(self, name: str) -> None:
        """A picture of what is seen now."""
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self.page.wait_for_timeout(500)  # what moves comes to rest
            self.page.screenshot(path=self._folder / f"{name}.png")

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for what no selector says."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain until {what}\n{self.page.inner_text('body')[:2000]}"
            self.page.wait_for_timeout(200)

    def log_in(self, address: str, name: str, password: str) -> None:
        """To Airflow."""
        self.page.goto(f"{address}/")
        self.page.fill("input[name=username]", name)
        self.page.fill("input[name=password]", password)
        self.page.click("button[type=submit]")
        self.page.wait_for_url(f"{address}/")

    def is_green(self, selector: str) -> bool:
        """Whether something is there, and is green."""
        found = self.page.locator(selector)
        return found.count() == 1 and bool(found.evaluate(GREEN))

    def rid_of_greetings(self, address: str) -> None:
        """What MLflow shows to whoever comes for the first time."""
        self.page.goto(f"{address}/#/models")
        self.page.get_by_role("button", name="Try it now").click()
        self.page.locator("[data-component-id='mlflow.assistant.chat_panel.close']").click()


@contextmanager
def browsing(folder: Path | None) -> Iterator[Window]:
    """With a browser of its own, or not at all."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        try:
            yield Window(browser.new_context(viewport=SIZE).new_page(), folder)
        finally:
            browser.close()
