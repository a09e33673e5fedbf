"""What each verb answers: one object, a list, a stream of changes, a log."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from cluster.api import ORPHAN_WARNING, Api, Call
from cluster.errors import ApiError, bad_request, not_allowed, not_found, not_here
from cluster.kinds import JOBS, PODS
from cluster.logs import LogReader
from cluster.objects import Json, at, name_of, namespace_of, uid_of
from cluster.routing import Target
from cluster.scheduler import disrupt
from cluster.storage import Storage
from cluster.watching import Watches

TOO_OLD: Final = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results."
)
UNSUPPORTED: Final = ("sendInitialEvents", "resourceVersionMatch")


@dataclass
class Answer:
    """What goes back: an object, or the pieces of a stream."""

    thing: Json | None = None
    code: int = 200
    pieces: Iterator[bytes] | None = None
    content_type: str = "application/json"
    warnings: list[str] = field(default_factory=list)


class Answers:
    """The verbs as HTTP has them."""

    def __init__(self, api: Api, logs: LogReader, stopping: Callable[[], bool]) -> None:
        self._api = api
        self._logs = logs
        self._watches = Watches(api.storage, stopping)

    def answer(self, target: Target, body: Any, content_type: str) -> Answer:
        """Do what is asked."""
        if unsupported := [name for name in UNSUPPORTED if name in target.query]:
            raise not_here(f"the parameter {unsupported[0]}")
        if target.verb in {"get", "list", "watch"}:
            return self._read(target)
        if target.verb in {"delete", "deletecollection"} and not target.part:
            return self._delete(target, {**self._options(target), **(body or {})})
        if (target.verb, target.part) == ("create", "eviction"):
            return self._evict(target, body)
        return self._write(target, body, content_type)

    def _read(self, target: Target) -> Answer:
        if target.part == "log":
            return self._logs_of(target)
        if target.verb == "watch":
            return Answer(pieces=self._watches.follow(target))
        if target.verb == "list":
            return Answer(self._list(target))
        return Answer(self._api.storage.get(target.kind, target.space, target.name))

    def _write(self, target: Target, body: Any, content_type: str) -> Answer:
        call = Call(target.query.get("fieldValidation") or "Warn", dry=target.query.get("dryRun") == "All")
        match target.verb, target.part:
            case "create", "":
                made = self._api.create(target.kind, target.namespace, body, call)
                return Answer(made, 201, warnings=call.warnings)
            case "update", part:
                self._check_name(target, body)
                return Answer(self._api.update(target.kind, body, part, call), warnings=call.warnings)
            case "patch", part:
                place = target.kind, target.space, target.name
                return Answer(self._api.patch(*place, body, content_type, part, call), warnings=call.warnings)
            case _:
                raise not_allowed()

    def _check_name(self, target: Target, body: Json) -> None:
        if name_of(body) != target.name:
            raise bad_request(
                f"the name of the object ({name_of(body)}) does not match the name on the URL ({target.name})"
            )
        if target.kind.namespaced:
            body["metadata"].setdefault("namespace", target.space)

    def _list(self, target: Target) -> Json:
        with self._api.storage.changed:
            labels, fields = target.query.get("labelSelector", ""), target.query.get("fieldSelector", "")
            things = self._api.select(target.kind, target.space, labels, fields)
            things, metadata = _page(things, target, self._api.storage)
        for thing in things:
            thing.pop("kind", None)
            thing.pop("apiVersion", None)
        return {
            "kind": f"{target.kind.kind}List",
            "apiVersion": target.kind.api_version,
            "metadata": metadata,
            "items": things,
        }

    def _delete(self, target: Target, options: Json) -> Answer:
        if target.verb == "deletecollection":
            return self._delete_all(target, options)
        left = self._api.delete(target.kind, target.space, target.name, options)
        warnings = [] if target.kind is not JOBS or options.get("propagationPolicy") else [ORPHAN_WARNING]
        if self._api.storage.find(target.kind, target.space, target.name) is not None:
            return Answer(left, warnings=warnings)
        details = {"name": target.name, "kind": target.kind.plural, "uid": uid_of(left)}
        if target.kind.group:
            details["group"] = target.kind.group
        if target.kind is PODS:
            return Answer(left)
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        return Answer(status, warnings=warnings)

    def _delete_all(self, target: Target, options: Json) -> Answer:
        labels, fields = target.query.get("labelSelector", ""), target.query.get("fieldSelector", "")
        things = self._api.select(target.kind, target.space, labels, fields)
        for thing in things:
            self._api.delete(target.kind, namespace_of(thing), name_of(thing), options)
        return Answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})

    def _options(self, target: Target) -> Json:
        found: Json = {}
        if "propagationPolicy" in target.query:
            found["propagationPolicy"] = target.query["propagationPolicy"]
        if "gracePeriodSeconds" in target.query:
            found["gracePeriodSeconds"] = int(target.query["gracePeriodSeconds"])
        if "dryRun" in target.query:
            found["dryRun"] = [target.query["dryRun"]]
        return found

    def _evict(self, target: Target, body: Json) -> Answer:
        pod = self._api.storage.get(PODS, target.namespace, target.name)
        disrupt(self._api, pod, "EvictionByEvictionAPI", "Eviction API: evicting")
        self._api.delete(PODS, target.namespace, target.name, at(body, "deleteOptions", default={}))
        return Answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}, 201)

    def _logs_of(self, target: Target) -> Answer:
        pod = self._api.storage.find(PODS, target.namespace, target.name)
        if pod is None:
            raise not_found(PODS, target.name)
        return Answer(pieces=self._logs.read(pod, target.query), content_type="text/plain")


def _page(things: list[Json], target: Target, storage: Storage) -> tuple[list[Json], Json]:
    """One page of a long list, with the token for the next."""
    limit, token = int(target.query.get("limit") or 0), target.query.get("continue")
    revision = storage.revision
    if token:
        start = json.loads(base64.urlsafe_b64decode(token))
        revision = start["rv"]
        if revision < storage.oldest:
            raise ApiError(410, "Expired", TOO_OLD)
        things = [thing for thing in things if [namespace_of(thing), name_of(thing)] > start["after"]]
    metadata: Json = {"resourceVersion": str(revision)}
    if not limit or limit >= len(things):
        return things, metadata
    left, things = len(things) - limit, things[:limit]
    after = {"after": [namespace_of(things[-1]), name_of(things[-1])], "rv": revision}
    go_on = base64.urlsafe_b64encode(json.dumps(after).encode()).decode()
    return things, {**metadata, "continue": go_on, "remainingItemCount": left}
