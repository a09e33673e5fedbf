"""Events: what controllers tell people, counted where they repeat themselves."""

from cluster.api import Api
from cluster.errors import ApiError
from cluster.kinds import EVENTS
from cluster.objects import Json, moment, name_of, namespace_of, suffix, uid_of


class Recorder:
    """Writes the events of one component."""

    def __init__(self, api: Api, component: str) -> None:
        self._api = api
        self._component = component

    def tell(self, about: Json, reason: str, message: str, *, kind: str = "Normal") -> None:
        """One more event about an object."""
        with self._api.storage.changed:
            for event in self._api.storage.all_of(EVENTS, namespace_of(about)):
                same = (
                    event["involvedObject"]["uid"] == uid_of(about) and event["source"]["component"] == self._component
                )
                if same and (event["reason"], event["message"]) == (reason, message):
                    self._api.storage.change(EVENTS, event, _count)
                    return
            self._add(about, reason, message, kind)

    def warn(self, about: Json, reason: str, message: str) -> None:
        """One more event about something that is wrong."""
        self.tell(about, reason, message, kind="Warning")

    def _add(self, about: Json, reason: str, message: str, kind: str) -> None:
        now, namespace = moment(), namespace_of(about) or "default"
        event = {
            "metadata": {"name": f"{name_of(about)}.{suffix()}{suffix()}"},
            "involvedObject": {
                "kind": about["kind"], "apiVersion": about["apiVersion"], "name": name_of(about),
                "namespace": namespace, "uid": uid_of(about),
                "resourceVersion": about["metadata"].get("resourceVersion", ""),
            },
            "reason": reason, "message": message, "type": kind, "count": 1,
            "firstTimestamp": now, "lastTimestamp": now,
            "source": {"component": self._component}, "reportingComponent": self._component, "reportingInstance": "",
        }  # fmt: skip
        try:
            self._api.create(EVENTS, namespace, event)
        except ApiError as error:
            if error.code != 404:  # a namespace may be gone by now
                raise


def _count(event: Json) -> None:
    event["count"] += 1
    event["lastTimestamp"] = moment()
