"""What the cluster's refusals mean, told to a person: which right, which field, which quota, and what to do."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from slipway.platform.jobs.launchers.contract import LauncherError, LauncherRefused, LauncherUnreachable
from slipway.platform.jobs.launchers.kubernetes.quantities import exceeded
from slipway.platform.jobs.launchers.kubernetes.rights import Right

NOT_YET: Final = 400
"""What the server says to a request for the log of a container that has not begun."""
UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
MISSING: Final = 404
TAKEN: Final = 409
GONE: Final = 410
INVALID: Final = 422
TOO_MANY: Final = 429
BROKEN: Final = 500
NOT_IMPLEMENTED: Final = 501
NO_RIGHT: Final = re.compile(r" cannot \S+ resource ")
ROLE: Final = "infra/kubernetes/base/launcher-role.yaml"
QUEUE_ROLE: Final = "infra/kubernetes/components/kueue/launcher-role.yaml"


class Refused(LauncherRefused):
    """A refusal, with what it is about for those who can do without."""

    def __init__(self, code: int, message: str, *, mend: str | None = None) -> None:
        super().__init__(message, mend=mend)
        self.code = code


class NotAllowed(Refused):
    """The acting user lacks a right."""


@dataclass(frozen=True)
class Answer:
    """What the server said, other than yes."""

    code: int
    body: Mapping[str, Any]
    """A `Status` object, empty where the answer was none."""
    text: str = ""

    @classmethod
    def read(cls, code: int, data: bytes) -> "Answer":
        """From what came over the line."""
        text = data.decode(errors="replace")
        try:
            body = json.loads(text)
        except ValueError:
            body = {}
        return cls(code, body if isinstance(body, dict) else {}, text)

    @property
    def message(self) -> str:
        """In the server's own words."""
        return str(self.body.get("message") or self.text[:300].strip() or f"HTTP {self.code}")

    @property
    def causes(self) -> Sequence[Mapping[str, Any]]:
        """The fields that are wrong."""
        return (self.body.get("details") or {}).get("causes") or ()

    @property
    def later(self) -> bool:
        """Whether asking again may help."""
        return self.code == TOO_MANY or (self.code >= BROKEN and self.code != NOT_IMPLEMENTED)


def problem(answer: Answer, right: Right, name: str, namespace: str, address: str) -> LauncherError:
    """The error for a refusal."""
    what = f"{right.verb} {right.named}" + (f" `{name}`" if name else "")
    if answer.later:
        return LauncherUnreachable(
            f"The cluster at {address} could not {what} (HTTP {answer.code}): {answer.message}",
            mend="Ask again; nothing is lost, and nothing is created twice.",
        )
    if answer.code == UNAUTHORIZED:
        return Refused(
            answer.code,
            f"The cluster at {address} does not accept these credentials.",
            mend="Log in again, or set kubernetes.kubeconfig and kubernetes.context; `kubectl auth whoami` tells more.",
        )
    if answer.code == FORBIDDEN:
        return forbidden(answer, right, name, namespace)
    if answer.code == MISSING and _is_namespace(answer):
        return Refused(
            answer.code,
            f"The cluster at {address} has no namespace `{namespace}`.",
            mend="Set kubernetes.namespace, or create it: `kubectl apply -k infra/kubernetes/base`.",
        )
    if answer.code == INVALID:
        return Refused(
            answer.code, f"The cluster refuses {right.named} `{name}`: {fields(answer)}.", mend=_setting(answer)
        )
    return Refused(answer.code, f"The cluster will not {what} (HTTP {answer.code}): {answer.message}")


def forbidden(answer: Answer, right: Right, name: str, namespace: str) -> Refused:
    """A right is missing, or a quota, or something else that guards the namespace."""
    if over := exceeded(answer.message):
        return Refused(
            answer.code,
            f"{right.named} `{name}` is more than namespace {namespace} may have: "
            f"{'; '.join(one.words for one in over)}.",
            mend="Wait until others have ended, or have the quota raised.",
        )
    if not NO_RIGHT.search(answer.message):  # the words of whoever guards admission
        return Refused(answer.code, f"The cluster refuses {right.named} `{name}`: {answer.message}")
    group = right.resource.group or '""'
    return NotAllowed(
        answer.code,
        f"Not allowed to {right.verb} {right.named} in namespace {namespace}: {answer.message}",
        mend=(
            f"The Role `slipway-launcher` has it ({QUEUE_ROLE if 'kueue' in group else ROLE}): "
            f'apiGroups: [{group}], resources: ["{right.named}"], verbs: ["{right.verb}"]. '
            "Bind it to the acting user, or add the rule to the Role in use."
        ),
    )


def fields(answer: Answer) -> str:
    """Every field that is wrong, with its value and what is wrong with it."""
    told = [f"{cause.get('field', '?')}: {cause.get('message', '')}" for cause in answer.causes]
    return "; ".join(told) or answer.message


SETTINGS: Final = {
    "nodeSelector": "node_selector",
    "tolerations": "tolerations",
    "priorityClassName": "priority_class",
    "queue-name": "queue",
    "resources": "cpus, memory_gib, gpus, gpu_resource or ephemeral_gib",
    "sizeLimit": "ephemeral_gib or shm_gib",
    "secretKeyRef": "secrets",
    "activeDeadlineSeconds": "deadline_hours",
}
"""Where in a target's settings a part of the manifest comes from."""


def _setting(answer: Answer) -> str | None:
    """The settings that the first wrong field comes from, where that is known."""
    places = [str(cause.get("field", "")) for cause in answer.causes]
    found = next((setting for place in places for part, setting in SETTINGS.items() if part in place), None)
    return f"It comes from the target's setting {found}." if found else None


def _is_namespace(answer: Answer) -> bool:
    return (answer.body.get("details") or {}).get("kind") == "namespaces" or answer.message.startswith("namespaces ")
