"""The verbs on objects, as every client and every controller uses them: defaults, validation, admission, deletion."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cluster import selectors
from cluster.admission import admit
from cluster.defaulting import fill
from cluster.errors import ApiError, Problem, bad_request, conflict, invalid
from cluster.kinds import JOBS, NAMESPACES, PODS, SERVICE_ACCOUNTS, Kind
from cluster.objects import Json, at, clone, deleting, moment, name_of, namespace_of, suffix
from cluster.patching import patched
from cluster.schemas import check
from cluster.storage import Storage
from cluster.validation import validate_change, validate_new

KEPT: Final = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
ORPHAN_WARNING: Final = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)


@dataclass
class Call:
    """How a client asks, beyond the object itself."""

    strictness: str = "Warn"
    dry: bool = False
    warnings: list[str] = field(default_factory=list)
    """What the client is told beside the answer."""


class Api:
    """All verbs over one storage."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def create(self, kind: Kind, namespace: str, thing: Json, call: Call | None = None) -> Json:
        """Store a new object."""
        call = call or Call()
        thing = self._read(kind, clone(thing), call)
        metadata = thing.setdefault("metadata", {})
        if metadata.get("resourceVersion"):
            raise bad_request("resourceVersion should not be set on objects to be created")
        if kind.namespaced:
            if metadata.setdefault("namespace", namespace) != namespace:
                raise bad_request(
                    f"the namespace of the provided object does not match the namespace sent on the request: "
                    f"{metadata['namespace']} != {namespace}"
                )
        else:
            metadata.pop("namespace", None)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = f"{metadata['generateName'][:58]}{suffix()}"
        for name in KEPT[2:]:
            metadata.pop(name, None)
        metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": moment(), "generation": 1}
        thing.pop("status", None)
        fill(kind, thing)
        with self.storage.changed:
            if kind.namespaced and self.storage.find(NAMESPACES, "", namespace) is None:
                admit(self.storage, kind, {"metadata": {"name": metadata.get("name", ""), "namespace": namespace}})
            validate_new(kind, thing)
            admit(self.storage, kind, thing)
            if call.dry:
                return thing
            created = self.storage.add(kind, thing)
            if kind is NAMESPACES:
                self.create(SERVICE_ACCOUNTS, name_of(created), {"metadata": {"name": "default"}})
            return created

    def select(self, kind: Kind, namespace: str | None, labels: str = "", fields: str = "") -> list[Json]:
        """The objects that selectors mean."""
        by_labels, by_fields = selectors.by_labels(labels), selectors.by_fields(kind, fields)
        return [thing for thing in self.storage.all_of(kind, namespace) if by_labels(thing) and by_fields(thing)]

    def update(self, kind: Kind, thing: Json, part: str = "", call: Call | None = None) -> Json:
        """Put a changed object in the old one's place; `part` is `status`, or empty for all the rest."""
        call = call or Call()
        thing = self._read(kind, clone(thing), call)
        with self.storage.changed:
            before = self.storage.get(kind, namespace_of(thing), name_of(thing))
            return self._put(kind, thing, before, part, call)

    def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch: Any,
        content_type: str,
        part: str = "",
        call: Call | None = None,
    ) -> Json:
        """Change a part of what is there."""
        call = call or Call()
        with self.storage.changed:
            before = self.storage.get(kind, namespace, name)
            after = patched(kind, before, patch, content_type)
            return self._put(kind, self._read(kind, after, call), before, part, call)

    def edit(self, kind: Kind, thing: Json, change: Callable[[Json], object]) -> Json | None:
        """For controllers: change the object as it is now, if it is there, and delete it where nothing holds it."""
        with self.storage.changed:
            changed = self.storage.change(kind, thing, change)
            return self._finish(kind, changed) if changed else None

    def delete(self, kind: Kind, namespace: str, name: str, options: Json | None = None) -> Json:
        """Mark an object for deletion, or delete it at once; the object as it was left."""
        options = options or {}
        with self.storage.changed:
            thing = self.storage.get(kind, namespace, name)
            self._check_preconditions(kind, thing, options)
            if at(options, "dryRun"):
                return thing
            self._mark(kind, thing, options)
            held = thing["metadata"].get("finalizers") or kind is NAMESPACES
            if held or thing["metadata"]["deletionGracePeriodSeconds"] > 0:
                thing = self.storage.replace(kind, thing)
                return self._finish(kind, thing) or thing
            return self.storage.remove(kind, namespace, name)

    def _check_preconditions(self, kind: Kind, thing: Json, options: Json) -> None:
        for key in ("uid", "resourceVersion"):
            wanted, found = at(options, "preconditions", key), thing["metadata"][key]
            if wanted is not None and wanted != found:
                names = {"uid": "UID", "resourceVersion": "ResourceVersion"}
                why = (
                    f"Precondition failed: {names[key]} in precondition: {wanted}, {names[key]} in object meta: {found}"
                )
                raise conflict(kind, name_of(thing), why)

    def _mark(self, kind: Kind, thing: Json, options: Json) -> None:
        metadata = thing["metadata"]
        finalizers = set(metadata.get("finalizers") or [])
        policy = options.get("propagationPolicy") or ("Orphan" if kind is JOBS else "Background")
        if policy not in {"Orphan", "Background", "Foreground"}:
            raise invalid(
                kind,
                name_of(thing),
                [Problem.unsupported("propagationPolicy", policy, ("Background", "Foreground", "Orphan"))],
            )
        finalizers -= {"orphan", "foregroundDeletion"}
        finalizers |= {"Orphan": {"orphan"}, "Foreground": {"foregroundDeletion"}}.get(policy, set())
        if kind is PODS:
            finalizers -= {"orphan", "foregroundDeletion"}
        metadata["finalizers"] = sorted(finalizers)
        if not finalizers:
            del metadata["finalizers"]
        grace = self._grace(thing, options) if kind is PODS else 0
        if "deletionTimestamp" in metadata:
            metadata["deletionGracePeriodSeconds"] = min(metadata["deletionGracePeriodSeconds"], grace)
            return
        metadata["deletionTimestamp"] = moment(datetime.now(UTC) + timedelta(seconds=grace))
        metadata["deletionGracePeriodSeconds"] = grace
        metadata["generation"] = metadata.get("generation", 1) + 1

    def _grace(self, pod: Json, options: Json) -> int:
        if not pod["spec"].get("nodeName") or pod["status"].get("phase") in {"Succeeded", "Failed"}:
            return 0
        default: int = pod["spec"]["terminationGracePeriodSeconds"]
        asked = options.get("gracePeriodSeconds")
        return default if asked is None else int(asked)

    def _read(self, kind: Kind, thing: Any, call: Call) -> Json:
        if not isinstance(thing, dict):
            raise bad_request(f"couldn't get version/kind; json parse error: {thing!r}")
        if (named := thing.setdefault("kind", kind.kind)) != kind.kind or (
            thing.setdefault("apiVersion", kind.api_version) != kind.api_version
        ):
            raise bad_request(
                f"the API version in the data ({thing['apiVersion']}, Kind={named}) does not match the expected API "
                f"version ({kind.api_version}, Kind={kind.kind})"
            )
        call.warnings += check(kind, thing, call.strictness)
        return thing

    def _put(self, kind: Kind, thing: Json, before: Json, part: str, call: Call) -> Json:
        asked = thing["metadata"].get("resourceVersion")
        if asked and asked != before["metadata"]["resourceVersion"]:
            raise conflict(kind, name_of(before))
        if part == "status":
            after = {**clone(before), "status": thing.get("status", {})}
        else:
            after = {
                **thing,
                "metadata": {
                    **thing["metadata"],
                    **{k: before["metadata"][k] for k in KEPT if k in before["metadata"]},
                },
            }
            after.pop("status", None)
            if "status" in before:
                after["status"] = before["status"]
            fill_again = clone(after)
            fill(kind, fill_again)
            after = {**fill_again, **({"status": before["status"]} if "status" in before else {})}
            if after.get("spec") != before.get("spec"):
                after["metadata"]["generation"] = before["metadata"].get("generation", 1) + 1
            validate_change(kind, after, before)
        after["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
        if call.dry:
            return after
        changed = self.storage.replace(kind, after)
        return self._finish(kind, changed) or changed

    def _finish(self, kind: Kind, thing: Json) -> Json | None:
        """Remove what is marked, and held by nobody any more."""
        metadata = thing["metadata"]
        if kind is NAMESPACES and deleting(thing) and at(thing, "spec", "finalizers"):
            if thing["status"]["phase"] != "Terminating":
                return self.storage.change(kind, thing, lambda now: now["status"].update(phase="Terminating"))
            return thing
        if not deleting(thing) or metadata.get("finalizers"):
            return thing
        if kind is PODS and metadata["deletionGracePeriodSeconds"] > 0:
            return thing
        return self.storage.remove(kind, namespace_of(thing), name_of(thing))


__all__ = ["ORPHAN_WARNING", "Api", "ApiError", "Call"]
