"""The cluster's API server: few verbs on few kinds of objects, with every answer accounted for.

* Objects are plain tables, as the server sends them; what they mean is told by others.
* Every request has a timeout. What may pass, 429, 5xx, silence or a broken line, is tried again after bounded pauses,
  the server's own wish among them, then raised as `LauncherUnreachable`. Every request may be repeated: what was
  created although no answer came is found by the next try, as `Taken`.
* What will not pass is raised as a refusal in words.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from slipway.platform.jobs.launchers.contract import LauncherError, LauncherUnreachable
from slipway.platform.jobs.launchers.kubernetes.problems import GONE, MISSING, TAKEN, Answer, problem
from slipway.platform.jobs.launchers.kubernetes.rights import LOG, PODS, Resource, Right, right

if TYPE_CHECKING:
    from kubernetes.client import ApiClient
    from urllib3 import BaseHTTPResponse

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 20.0
PAUSES: Final = (0.2, 0.5, 1.0, 2.0)
LONGEST_PAUSE: Final = 5.0
"""However long the server asks to be left alone."""
PAGE: Final = 250
SUCCESS: Final = range(200, 300)

Table = dict[str, Any]


class Taken(LauncherError):
    """There is one of that name."""


@dataclass(frozen=True)
class Listing:
    """Objects, and the server's clock when it listed them."""

    items: Sequence[Table]
    now: datetime | None


@dataclass(frozen=True)
class Patience:
    """How long the cluster is waited for."""

    connect: float = CONNECT_SECONDS
    read: float = READ_SECONDS
    pauses: Sequence[float] = PAUSES
    sleep: Callable[[float], None] = time.sleep


class Cluster:
    """One namespace of one cluster. May be used by several threads."""

    def __init__(self, api: "ApiClient", namespace: str, patience: Patience | None = None) -> None:
        self._api, self.namespace, self._patience = api, namespace, patience or Patience()

    @property
    def address(self) -> str:
        """The server's."""
        return str(self._api.configuration.host)

    def create(self, resource: Resource, manifest: Table) -> Table:
        """The object as the server has it; `Taken` if there is one of that name."""
        name = manifest["metadata"]["name"]
        answer = self._ask(right("create", resource), "POST", resource.path(self.namespace), name=name, body=manifest)
        return _table(answer)

    def read(self, resource: Resource, name: str) -> Table | None:
        """The object of that name, if there is one."""
        path = resource.path(self.namespace, name)
        answer = self._ask(right("get", resource), "GET", path, name=name, absent=True)
        return None if answer.status == MISSING else _table(answer)

    def find(self, resource: Resource, labels: str = "", fields: str = "") -> Listing:
        """All objects that the selectors select; none where the server does not know the kind."""
        query = {"limit": str(PAGE), "labelSelector": labels, "fieldSelector": fields}
        items: list[Table] = []
        go_on = ""
        while True:
            page = self._page(resource, {**query, "continue": go_on})
            if page is None:  # the list grew too old while it was read
                items, go_on = [], ""
                continue
            table, now = page
            items += table.get("items") or []
            go_on = (table.get("metadata") or {}).get("continue") or ""
            if not go_on:
                return Listing(items, now)

    def delete(self, resource: Resource, name: str, uid: str, *, foreground: bool) -> None:
        """Delete the object that has this uid; fine if there is none.

        In the foreground it stays until all that belongs to it has ended.
        """
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Foreground" if foreground else "Background",
            "preconditions": {"uid": uid},
        }
        path = resource.path(self.namespace, name)
        try:
            self._ask(right("delete", resource), "DELETE", path, name=name, body=body, absent=True)
        except Taken:  # another one has that name by now
            return

    def log(self, pod: str, container: str, *, lines: int, most: int) -> bytes:
        """The end of what a pod has printed; empty where it has not started, or is gone."""
        query = {"container": container, "tailLines": str(lines), "limitBytes": str(most)}
        path = PODS.path(self.namespace, pod, LOG)
        answer = self._ask(right("get", PODS, LOG), "GET", path, name=pod, query=query, absent=True)
        return b"" if answer.status == MISSING else bytes(answer.data)

    def _page(self, resource: Resource, query: Mapping[str, str]) -> tuple[Table, datetime | None] | None:
        wanted = right("list", resource)
        answer = self._ask(wanted, "GET", resource.path(self.namespace), query=query, absent=True, aged=True)
        if answer.status == GONE:
            return None
        return ({} if answer.status == MISSING else _table(answer)), _date(answer)

    def _ask(  # noqa: PLR0913 - all of one request
        self,
        wanted: Right,
        method: str,
        path: str,
        *,
        name: str = "",
        query: Mapping[str, str] | None = None,
        body: Table | None = None,
        absent: bool = False,
        aged: bool = False,
    ) -> "BaseHTTPResponse":
        """The server's answer; tried again as long as that may help, then told as an error."""
        given = {key: value for key, value in (query or {}).items() if value}
        url = self.address + path + (f"?{urlencode(given)}" if given else "")
        accepted = {*SUCCESS, *((MISSING,) if absent else ()), *((GONE,) if aged else ())}
        for pause in (*self._patience.pauses, None):
            said = self._once(method, url, body)
            if not isinstance(said, LauncherError) and said.status in accepted:
                return said
            error, wish = (said, 0.0) if isinstance(said, LauncherError) else self._refused(said, wanted, name)
            if pause is None or not isinstance(error, LauncherUnreachable):
                raise error
            self._patience.sleep(min(max(pause, wish), LONGEST_PAUSE))
        raise AssertionError("the last pause is None")

    def _refused(self, said: "BaseHTTPResponse", wanted: Right, name: str) -> tuple[LauncherError, float]:
        """What to raise for it, and how long the server wants to be left alone."""
        answer = Answer.read(said.status, said.data)
        if said.status == TAKEN:
            return Taken(answer.message), 0.0
        return problem(answer, wanted, name, self.namespace, self.address), _wish(said)

    def _once(self, method: str, url: str, body: Table | None) -> "BaseHTTPResponse | LauncherUnreachable":
        """One request, with the credentials as they are now."""
        import urllib3

        headers = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "slipway"}
        self._api.update_params_for_auth(headers, [], ["BearerToken"])
        timeout = urllib3.Timeout(connect=self._patience.connect, read=self._patience.read)
        data = None if body is None else json.dumps(body)
        pool: urllib3.PoolManager = self._api.rest_client.pool_manager
        try:
            return pool.request(method, url, body=data, headers=headers, timeout=timeout, retries=False)
        except urllib3.exceptions.HTTPError as error:
            return LauncherUnreachable(
                f"The cluster at {self.address} does not answer: {error}.",
                mend="Ask again: nothing is lost, and nothing is created twice. `kubectl version` tells if it lives.",
            )


def _table(answer: "BaseHTTPResponse") -> Table:
    try:
        table = json.loads(answer.data)
    except ValueError:
        table = None
    if not isinstance(table, dict):
        raise LauncherUnreachable("The cluster's answer is no JSON object: is a proxy between?")
    return table


def _date(answer: "BaseHTTPResponse") -> datetime | None:
    """The server's clock."""
    try:
        return parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return None


def _wish(answer: "BaseHTTPResponse") -> float:
    """How long the server wants to be left alone."""
    said = answer.headers.get("Retry-After", "")
    return float(said) if said.isdigit() else 0.0
