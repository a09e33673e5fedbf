"""The garbage collector: what is owned goes with its owner, as the deletion asked for; a namespace with all in it."""

from cluster.api import Api, ApiError
from cluster.kinds import NAMESPACES, Kind
from cluster.objects import Json, deleting, name_of, namespace_of, uid_of


class GarbageCollector:
    """Follows owner references."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def sync(self) -> None:
        everything = list(self._api.storage.every())
        there = {uid_of(thing): thing for _, thing in everything}
        for kind, thing in everything:
            finalizers = thing["metadata"].get("finalizers") or []
            if deleting(thing) and "orphan" in finalizers:
                self._orphan(kind, thing, everything)
            elif deleting(thing) and "foregroundDeletion" in finalizers:
                self._delete_below(kind, thing, everything)
            self._collect(kind, thing, there)
        self._empty_namespaces(everything)

    def _orphan(self, kind: Kind, owner: Json, everything: list[tuple[Kind, Json]]) -> None:
        for below, thing in everything:
            if owned_by(thing, owner):
                self._api.edit(below, thing, lambda now: _forget(now, owner))
        self._release(kind, owner, "orphan")

    def _delete_below(self, kind: Kind, owner: Json, everything: list[tuple[Kind, Json]]) -> None:
        blocking = False
        for below, thing in everything:
            references = [one for one in thing["metadata"].get("ownerReferences") or [] if one["uid"] == uid_of(owner)]
            if references:
                blocking = blocking or any(one.get("blockOwnerDeletion") for one in references)
                self._delete(below, thing, "Foreground")
        if not blocking:
            self._release(kind, owner, "foregroundDeletion")

    def _collect(self, kind: Kind, thing: Json, there: dict[str, Json]) -> None:
        owners = thing["metadata"].get("ownerReferences") or []
        if owners and not any(one["uid"] in there for one in owners):
            self._delete(kind, thing, "Background")

    def _empty_namespaces(self, everything: list[tuple[Kind, Json]]) -> None:
        for namespace in self._api.storage.all_of(NAMESPACES):
            if not deleting(namespace):
                continue
            inside = [(kind, one) for kind, one in everything if namespace_of(one) == name_of(namespace)]
            for kind, thing in inside:
                self._delete(kind, thing, "Background")
            if not inside:
                self._api.edit(NAMESPACES, namespace, lambda now: now["spec"].pop("finalizers", None))

    def _delete(self, kind: Kind, thing: Json, policy: str) -> None:
        if deleting(thing):
            return
        try:
            options = {"propagationPolicy": policy, "preconditions": {"uid": uid_of(thing)}}
            self._api.delete(kind, namespace_of(thing), name_of(thing), options)
        except ApiError as error:
            if error.code not in {404, 409}:
                raise

    def _release(self, kind: Kind, thing: Json, finalizer: str) -> None:
        def released(now: Json) -> None:
            left = [one for one in now["metadata"].get("finalizers", []) if one != finalizer]
            now["metadata"]["finalizers"] = left
            if not left:
                del now["metadata"]["finalizers"]

        self._api.edit(kind, thing, released)


def owned_by(thing: Json, owner: Json) -> bool:
    return any(one["uid"] == uid_of(owner) for one in thing["metadata"].get("ownerReferences") or [])


def _forget(thing: Json, owner: Json) -> None:
    left = [one for one in thing["metadata"]["ownerReferences"] if one["uid"] != uid_of(owner)]
    thing["metadata"]["ownerReferences"] = left
    if not left:
        del thing["metadata"]["ownerReferences"]
