"""What a job's container finds in its environment: settings as variables, and secrets by reference.

A pod has no slipway.toml. What its runner needs of the context is told by `SLIPWAY_*` variables, only where it differs
from the defaults, so that an image that is older than a setting still starts. Credentials never stand in a manifest:
the runner's come from the Secret of the settings, those that the work asks for from where the target says.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from slipway.platform.errors import WrongUse
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.masking import masked
from slipway.platform.names import suggestion
from slipway.platform.settings.environment import variable_of
from slipway.platform.settings.schema import SQLITE, Settings, Target

WORK: Final = "/slipway"
"""The one folder of a pod that has room, and its home."""
TEMPORARY: Final = "/tmp"  # noqa: S108 - a volume of the pod's own
RENDEZVOUS_PORT: Final = 29500
TOLD: Final = (
    ("log_level",),
    ("store", "url"),
    ("store", "timeout_seconds"),
    ("store", "attempts"),
    ("s3", "endpoint"),
    ("s3", "region"),
    ("data", "remote"),
    ("mlflow", "tracking_uri"),
)
"""The settings that a runner needs; passwords and access keys come from the Secret, both halves of them."""
ADDRESSES: Final = (("store", "url"), ("s3", "endpoint"), ("data", "remote"), ("mlflow", "tracking_uri"))

Variable = dict[str, Any]


def variables(
    job: JobSpec, target: Target, settings: Settings, *, rendezvous: str = "", root: Path | None = None
) -> list[Variable]:
    """All of them, in the order of the manifest."""
    check_addresses(settings, root)
    plain = {
        **{variable_of(path): told(settings, path) for path in TOLD if told(settings, path) != told(Settings(), path)},
        "SLIPWAY_DATA__CACHE": f"{WORK}/cache",
        **({"SLIPWAY_RENDEZVOUS": rendezvous} if rendezvous else {}),
        "HOME": WORK,
        "TMPDIR": TEMPORARY,
        "USER": "slipway",
        "LOGNAME": "slipway",
    }
    return [
        *whereabouts(),
        *({"name": name, "value": literal(value)} for name, value in plain.items()),
        *secrets(job, target),
    ]


def whereabouts() -> list[Variable]:
    """Node and pod, as the runner tells people where it is."""
    return [
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": "SLIPWAY_HOST", "value": "$(NODE_NAME)/$(POD_NAME)"},
    ]


def secrets(job: JobSpec, target: Target) -> list[Variable]:
    """The variables that the work asks for, each with the place of its value."""
    return [_secret(name, target.secrets, job.target) for name in job.secrets]


def _secret(name: str, places: Mapping[str, str], target: str) -> Variable:
    if name not in places:
        raise WrongUse(
            f"The job asks for the secret {name}, and the target `{target}` does not say where that is.",
            mend=f'Set targets.{target}.secrets.{name} = "secret-name/key". {suggestion(name, places)}',
        )
    secret, slash, key = places[name].partition("/")
    if not (secret and slash and key):
        raise WrongUse(
            f"`targets.{target}.secrets.{name}` is {places[name]!r}, expected a Secret's name and a key in it.",
            mend='Write it as "secret-name/key".',
        )
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def literal(value: str) -> str:
    """The value as it must stand in a manifest, where `$(NAME)` would be replaced."""
    return value.replace("$(", "$$(")


def told(settings: Settings, path: Sequence[str]) -> str:
    """The value of a setting, empty where it is unset."""
    value: Any = settings
    for name in path:
        value = getattr(value, name)
    return "" if value is None else str(value)


def check_addresses(settings: Settings, root: Path | None) -> None:
    """Refuse what a pod cannot reach, and what would show a password."""
    for path in ADDRESSES:
        value, name = told(settings, path), ".".join(path)
        if masked(value) != value:
            raise WrongUse(
                f"`{name}` has a password in it ({masked(value)}), and a Job can be read by many.",
                mend=f"Take it out of the address; put it into the Secret `{settings.kubernetes.secret}`.",
            )
        if path != ("s3", "endpoint") and not reachable(value, root):
            raise WrongUse(
                f"`{name}` is {value}, which is on this machine; a job in the cluster cannot reach it.",
                mend=_instead(path),
            )


def check_loopback(settings: Settings, server: str) -> None:
    """Refuse what only this machine answers, unless the cluster is on this machine as well."""
    if _is_loopback(server):
        return
    for path in ADDRESSES:
        value = told(settings, path)
        if _is_loopback(value):
            raise WrongUse(
                f"`{'.'.join(path)}` is {value}, which only this machine answers; the cluster is at {server}.",
                mend=_instead(path),
            )


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or "" if "://" in address else ""
    return host == "localhost" or host.startswith("127.") or host == "::1"


def reachable(address: str, root: Path | None) -> bool:
    """Whether a pod may have it too: an address, or a directory that is not the project's own."""
    local = address.removeprefix("file://").removeprefix(SQLITE)
    if "://" in local:
        return True
    place = Path(local)
    return place.is_absolute() and not (root is not None and place.is_relative_to(root))


def _instead(path: Sequence[str]) -> str:
    what = "https://SERVER" if path[0] in ("mlflow", "s3") else "s3://BUCKET/PREFIX"
    return f"Set {variable_of(tuple(path))}={what}, or use a context whose servers the cluster reaches."
