"""The console's pages over HTTP, as a browser of somebody with a session asks for them, beside an empty answer."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import urllib3

from fleet_service import send
from harness import Figures, Pair
from rolling_out import MODEL, Site
from slipway.serving.edge.decisions import make_id

GOAL = 300
"""Times an empty answer, which takes about a millisecond."""
COOKIE = "Cookie"


def pages(stack: ExitStack, site: Site, url: str) -> list[Pair]:
    """A pair for each page."""
    pool = stack.enter_context(urllib3.PoolManager())
    cookie = _session(site, url, pool)
    now = datetime.now(UTC)
    decision = make_id("gate-00001", site.rollout.releases[2].bundle, now - timedelta(hours=1), "abcdef")
    asked = {
        "models": "/",
        "a model": f"/models/{MODEL}",
        "fleet": "/fleet",
        "fleet, silent devices of a site": "/fleet?site=site-07&state=silent",
        "fleet, the last page": "/fleet?after=gate-09899",
        "a device": "/devices/gate-05000",
        "ledger": "/ledger",
        "lineage of a decision": f"/lineage?of={decision}",
        "lineage of a release, to all devices": f"/lineage?of={MODEL}%232&way=down",
        "notices": "/notices",
    }
    return [_page(pool, url, cookie, name, path) for name, path in asked.items()]


def _page(pool: urllib3.PoolManager, url: str, cookie: str, name: str, path: str) -> Pair:
    sizes: list[int] = []

    def ask() -> None:
        answer = pool.request("GET", url + path, headers={COOKIE: cookie}, redirect=False)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {answer.data[:300]!r}")
        sizes.append(len(answer.data))

    def figures() -> Figures:
        return {"kilobytes": round(sizes[-1] / 1000, 1)}

    return Pair(
        name=f"console: {name}, against an empty answer",
        ours=ask,
        reference=_empty(pool, url),
        unit="ms",
        goal=GOAL,
        figures=figures,
    )


def _empty(pool: urllib3.PoolManager, url: str) -> Callable[[], object]:
    return lambda: pool.request("GET", f"{url}/healthz").data


def _session(site: Site, url: str, pool: urllib3.PoolManager) -> str:
    """The cookie of a person."""
    _, opening = send(url, site.signer("ben"), "POST", "/v1/sessions")
    answer = pool.request("GET", opening["address"], redirect=False)
    return answer.headers["set-cookie"].partition(";")[0]
