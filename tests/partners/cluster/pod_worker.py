"""One pod on its node: its containers started in order, watched, stopped with grace, and its status."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cluster.events import Recorder
from cluster.images import Images
from cluster.objects import Json, at, clone, deleting, each, moment, name_of, seconds_since, set_condition
from cluster.pod_environment import ConfigMissing, MountFailed, Surroundings
from cluster.quantities import amount
from cluster.runtime import Ended, Process

RETRY_SECONDS: Final = 0.2
MESSAGE_BYTES: Final = 2048
UNKNOWN: Final = Ended(137, "ContainerStatusUnknown", "The container could not be located when the pod was terminated")


@dataclass(frozen=True)
class Stop:
    """Why a node ends a pod that nobody deleted."""

    reason: str
    message: str
    condition: str = ""
    """The reason of the DisruptionTarget condition, where it is a disruption."""
    grace: float | None = None


class Container:
    """One container: waiting, running or ended."""

    def __init__(self, spec: Json, log: Path) -> None:
        self.spec = spec
        self.name: str = spec["name"]
        self.log = log
        self.waiting = ("ContainerCreating", "")
        self.process: Process | None = None
        self.started = ""
        self.ended: Ended | None = None
        self.finished = ""
        self.message = log.with_suffix(".message")
        self.restarts = 0
        self.last: Json | None = None

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.pid is not None and self.ended is None

    def look(self) -> None:
        """Take note of an end."""
        if self.process is not None and self.ended is None and self.process.ended is not None:
            self.ended, self.finished = self.process.ended, moment()

    def state(self) -> Json:
        if self.ended is not None:
            state = {"exitCode": self.ended.exit_code, "reason": self.ended.reason, "startedAt": self.started or None}
            message = self.ended.message or self._last_words()
            found = {**state, "finishedAt": self.finished, "message": message or None}
            return {"terminated": {name: value for name, value in found.items() if value is not None}}
        if self.running:
            return {"running": {"startedAt": self.started}}
        reason, message = self.waiting
        return {"waiting": {"reason": reason, **({"message": message} if message else {})}}

    def _last_words(self) -> str:
        if self.message.is_file() and (text := self.message.read_text(encoding="utf-8", errors="replace")):
            return text[-4096:]
        failed = self.ended is not None and self.ended.exit_code != 0
        if failed and self.spec["terminationMessagePolicy"] == "FallbackToLogsOnError" and self.log.is_file():
            return self.log.read_bytes()[-MESSAGE_BYTES:].decode(errors="replace")
        return ""

    def status(self) -> Json:
        state = self.state()
        running = "running" in state
        return {
            "name": self.name, "image": self.spec["image"], "imageID": self.spec["image"] if self.process else "",
            "ready": running, "started": running, "restartCount": self.restarts, "state": state,
            "lastState": {"terminated": self.last} if self.last else {},
        }  # fmt: skip

    def again(self) -> None:
        """Make room for another start of it."""
        self.last = self.state()["terminated"]
        self.close()
        self.process, self.ended, self.restarts = None, None, self.restarts + 1
        self.waiting = ("ContainerCreating", "")

    def close(self) -> None:
        if self.process is not None:
            self.process.close()


class PodWorker:
    """Everything a node does for one pod."""

    def __init__(
        self, folder: Path, surroundings: Surroundings, images: Images, events: Recorder, changed: Callable[[], object]
    ) -> None:
        self.folder = folder
        self._surroundings = surroundings
        self._images = images
        self._events = events
        self._changed = changed
        self.first: list[Container] = []
        self.containers: list[Container] = []
        self._began = ""
        self._stop: Stop | None = None
        self._kill_at: float | None = None
        self._retry_at = 0.0

    @property
    def over(self) -> bool:
        """Whether nothing runs, and nothing will."""
        return bool(self.containers) and all(one.ended is not None for one in self.containers)

    def stop_because(self, stop: Stop) -> None:
        """End the pod, though nobody deleted it."""
        self._stop = self._stop or stop

    def step(self, pod: Json) -> float | None:
        """Do what is to be done now; seconds until something is due."""
        if not self.containers:
            self._begin(pod)
        for container in [*self.first, *self.containers]:
            container.look()
        if deleting(pod) or self._stop is not None:
            return self._end(pod)
        self._check_deadline(pod)
        return self._go_on(pod)

    def status(self, pod: Json) -> Json:
        """The pod's status as its node sees it."""
        now = clone(pod["status"])
        now |= {"startTime": self._began, "hostIP": "127.0.0.1", "podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}]}
        if self.first:
            now["initContainerStatuses"] = [one.status() for one in self.first]
        now["containerStatuses"] = [one.status() for one in self.containers]
        now["phase"] = self._phase(pod)
        prepared = all(one.ended is not None and one.ended.exit_code == 0 for one in self.first)
        ready = all(one.running for one in self.containers)
        why = (
            "PodCompleted"
            if now["phase"] == "Succeeded"
            else "PodFailed"
            if now["phase"] == "Failed"
            else "ContainersNotReady"
        )
        pod_now = {"status": now}
        set_condition(pod_now, "PodReadyToStartContainers", str(now["phase"] in {"Pending", "Running"}))
        set_condition(pod_now, "Initialized", str(prepared), "" if prepared else "ContainersNotInitialized")
        for kind in ("Ready", "ContainersReady"):
            set_condition(pod_now, kind, str(ready), "" if ready else why)
        if self._stop is not None and now["phase"] in {"Failed", "Succeeded"}:
            now["phase"] = "Failed"
            now |= {"reason": self._stop.reason, "message": self._stop.message}
            if self._stop.condition:
                set_condition(pod_now, "DisruptionTarget", "True", self._stop.condition, self._stop.message)
        return now

    def close(self) -> None:
        """Let no process of it live on."""
        for container in [*self.first, *self.containers]:
            container.close()

    def _begin(self, pod: Json) -> None:
        logs = self.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self._began = moment()
        for found, group in ((self.first, "initContainers"), (self.containers, "containers")):
            found += [Container(spec, logs / f"{spec['name']}.log") for _, spec in each(pod["spec"].get(group), "")]

    def _phase(self, pod: Json) -> str:
        broken = any(one.ended is not None and one.ended.exit_code for one in self.first)
        if self.over or (broken and pod["spec"]["restartPolicy"] == "Never"):
            codes = [one.ended.exit_code for one in [*self.first, *self.containers] if one.ended is not None]
            if deleting(pod) or self._stop or not self._restarting(pod, any(codes)):
                return "Failed" if any(codes) else "Succeeded"
        return "Running" if any(one.running or one.ended for one in self.containers) else "Pending"

    def _restarting(self, pod: Json, failed: bool) -> bool:
        policy = pod["spec"]["restartPolicy"]
        return bool(policy == "Always" or (policy == "OnFailure" and failed))

    def _go_on(self, pod: Json) -> float | None:
        wait = self._retry_at - time.monotonic()
        if wait > 0:
            return wait
        for container in self.first:
            if container.ended is None:
                return self._start(pod, container) if container.process is None else None
            if container.ended.exit_code:
                return self._start_again(pod, container)
        due = []
        for container in self.containers:
            if container.process is None and container.ended is None:
                due.append(self._start(pod, container))
            elif container.ended is not None:
                due.append(self._start_again(pod, container))
        left = pod["spec"].get("activeDeadlineSeconds")
        if left is not None and not self.over:
            due.append(max(0.0, left - seconds_since(self._began)))
        return min((one for one in due if one is not None), default=None)

    def _start_again(self, pod: Json, container: Container) -> float | None:
        if container.ended is None or not self._restarting(pod, container.ended.exit_code != 0):
            return None
        container.again()
        return self._later()

    def _start(self, pod: Json, container: Container) -> float | None:
        image = self._images.find(container.spec["image"])
        if image is None:
            return self._missing_image(pod, container)
        try:
            mounts = self._surroundings.mounts(pod, container.spec)
            environment = self._surroundings.environment(pod, container.spec, mounts)
        except (ConfigMissing, MountFailed) as error:
            return self._cannot_start(pod, container, error)
        base = {"PATH": f"{Path(sys.executable).parent}:{os.defpath}", **image.environment}
        base["HOSTNAME"] = pod["spec"].get("hostname") or name_of(pod)
        environment = {**base, **environment}
        command = self._surroundings.command(pod, container.spec, environment, mounts)
        if "command" not in container.spec:
            command = [*image.command, *command]
        folder = self._surroundings.working_folder(pod, container.spec, mounts)
        container.message = mounts.places[container.spec["terminationMessagePath"]]
        limit = at(container.spec, "resources", "limits", "memory")
        self._events.tell(pod, "Pulled", f'Container image "{container.spec["image"]}" already present on machine')
        memory = None if limit is None else int(amount(limit))
        container.process = Process(command or [""], environment, folder, container.log, memory, self._changed)
        container.started = moment()
        self._events.tell(pod, "Created", f"Created container: {container.name}")
        self._events.tell(pod, "Started", f"Started container {container.name}")
        return None

    def _missing_image(self, pod: Json, container: Container) -> float:
        image = container.spec["image"]
        if container.waiting[0] in {"ErrImagePull", "ImagePullBackOff"}:
            container.waiting = (
                "ImagePullBackOff",
                f'Back-off pulling image "{image}": ErrImagePull: {_not_found(image)}',
            )
            self._events.tell(pod, "BackOff", f'Back-off pulling image "{image}"')
            self._events.warn(pod, "Failed", "Error: ImagePullBackOff")
        else:
            container.waiting = ("ErrImagePull", _not_found(image))
            self._events.tell(pod, "Pulling", f'Pulling image "{image}"')
            self._events.warn(pod, "Failed", f'Failed to pull image "{image}": {_not_found(image)}')
            self._events.warn(pod, "Failed", "Error: ErrImagePull")
        return self._later()

    def _cannot_start(self, pod: Json, container: Container, error: Exception) -> float:
        if isinstance(error, ConfigMissing):
            container.waiting = ("CreateContainerConfigError", str(error))
            self._events.warn(pod, "Failed", f"Error: {error}")
        else:
            self._events.warn(pod, "FailedMount", str(error))
        return self._later()

    def _later(self) -> float:
        self._retry_at = time.monotonic() + RETRY_SECONDS
        return RETRY_SECONDS

    def _check_deadline(self, pod: Json) -> None:
        limit = pod["spec"].get("activeDeadlineSeconds")
        if limit is not None and not self.over and seconds_since(self._began) >= limit:
            words = "Pod was active on the node longer than the specified deadline"
            self._stop = Stop("DeadlineExceeded", words)

    def _end(self, pod: Json) -> float | None:
        """SIGTERM once, SIGKILL when the grace is over."""
        now = time.monotonic()
        for container in [*self.first, *self.containers]:
            if container.process is None and container.ended is None:
                container.ended, container.finished = UNKNOWN, moment()
        left = self._grace(pod)
        if self._kill_at is None:
            self._kill_at = now + left
            for container in self._running():
                self._events.tell(pod, "Killing", f"Stopping container {container.name}")
                if container.process is not None:
                    container.process.ask_to_stop()
        self._kill_at = min(self._kill_at, now + left)
        if not self._running():
            return None
        if now < self._kill_at:
            return self._kill_at - now
        for container in self._running():
            if container.process is not None:
                container.process.kill()
        return None

    def _grace(self, pod: Json) -> float:
        if deleting(pod):
            grace: float = pod["metadata"]["deletionGracePeriodSeconds"]
            return grace
        if self._stop is not None and self._stop.grace is not None:
            return self._stop.grace
        own: float = pod["spec"]["terminationGracePeriodSeconds"]
        return own

    def _running(self) -> list[Container]:
        return [one for one in [*self.first, *self.containers] if one.process is not None and one.ended is None]


def _not_found(image: str) -> str:
    return (
        f'rpc error: code = NotFound desc = failed to pull and unpack image "{image}": failed to resolve reference '
        f'"{image}": {image}: not found'
    )
