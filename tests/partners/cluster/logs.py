"""What a pod's containers wrote."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from cluster.errors import bad_request, not_here
from cluster.objects import Json, at, name_of
from cluster.pod_worker import Container, PodWorker
from cluster.routing import truth

POLL_SECONDS: Final = 0.05
UNSUPPORTED: Final = ("sinceSeconds", "sinceTime", "timestamps", "stream")


class LogReader:
    """Reads the logs of pods that are still there."""

    def __init__(self, worker: Callable[[Json], PodWorker | None], stopping: Callable[[], bool]) -> None:
        self._worker = worker
        self._stopping = stopping

    def read(self, pod: Json, query: Mapping[str, str]) -> Iterator[bytes]:
        """The log, or the end of it; with `follow` until the container ends."""
        for name in UNSUPPORTED:
            if query.get(name) not in {None, "", "false", "False", "All"}:
                raise not_here(f"the log option {name}")
        container = self._container(pod, query.get("container", ""))
        if truth(query, "previous"):
            raise bad_request(f'previous terminated container "{container.name}" in pod "{name_of(pod)}" not found')
        if container.process is None and container.ended is None:
            raise bad_request(
                f'container "{container.name}" in pod "{name_of(pod)}" is waiting to start: {_waiting(container)}'
            )
        return self._pieces(container, query)

    def _container(self, pod: Json, name: str) -> Container:
        specs = pod["spec"]["containers"]
        if not name and len(specs) > 1:
            names = " ".join(one["name"] for one in specs)
            raise bad_request(f"a container name must be specified for pod {name_of(pod)}, choose one of: [{names}]")
        name = name or specs[0]["name"]
        if name not in {one["name"] for one in [*specs, *pod["spec"].get("initContainers", [])]}:
            raise bad_request(f"container {name} is not valid for pod {name_of(pod)}")
        worker = self._worker(pod)
        found = next((one for one in [*worker.first, *worker.containers] if one.name == name), None) if worker else None
        if found is None:
            why = "ContainerCreating" if at(pod, "spec", "nodeName") else ""
            if not why:
                raise bad_request(f"pod {name_of(pod)} does not have a host assigned")
            raise bad_request(f'container "{name}" in pod "{name_of(pod)}" is waiting to start: {why}')
        return found

    def _pieces(self, container: Container, query: Mapping[str, str]) -> Iterator[bytes]:
        following = truth(query, "follow")
        data = container.log.read_bytes() if container.log.is_file() else b""
        place = len(data)
        if (tail := query.get("tailLines")) is not None:
            data = b"".join(data.splitlines(keepends=True)[-int(tail) :]) if int(tail) else b""
        limit = int(query["limitBytes"]) if "limitBytes" in query else None
        yield data[:limit]
        while following and not self._stopping():
            ended = container.ended is not None
            more = self._after(container, place)
            place += len(more)
            yield more
            if ended:
                return
            if not more:
                time.sleep(POLL_SECONDS)

    def _after(self, container: Container, place: int) -> bytes:
        if not container.log.is_file():
            return b""
        with container.log.open("rb") as log:
            log.seek(place)
            return log.read()


def _waiting(container: Container) -> str:
    return (
        "trying and failing to pull image"
        if container.waiting[0] in {"ErrImagePull", "ImagePullBackOff"}
        else container.waiting[0]
    )
