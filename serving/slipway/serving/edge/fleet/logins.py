"""Users and passwords of cameras, and the pipelines that may run here: `cameras.json` in the device's folder.

    {"logins": {"10.0.0.2": {"user": "viewer", "password": "…"}, "10.0.0.3:8554": …},
     "pipelines": ["v4l2src ! videoconvert ! appsink"]}

A login belongs to a host, and is given to no other, whatever a site's configuration asks for. A pipeline can read and
write whatever the agent can, so a configuration may only choose among those that stand here. The file is read when a
source is opened, by this user alone or not at all, and nothing of it is ever told.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError

from slipway.serving.bundle.contract import Part
from slipway.serving.errors import WrongUse

FILE: Final = "cameras.json"
LARGEST: Final = 64 * 1024
WITH_LOGIN: Final = frozenset({"rtsp", "rtsps", "http", "https"})
PIPELINE: Final = "gst"
_MEND: Final = "docs/how-to/cameras.md shows what stands there."


class Login(Part):
    """Of one camera, or of all at one host."""

    user: Annotated[str, Field(min_length=1, max_length=128)]
    password: SecretStr


class Logins(Part):
    """The whole file."""

    format: Literal[1] = 1
    logins: Annotated[Mapping[str, Login], Field(max_length=256)] = {}
    """By host, or by host and port."""
    pipelines: Annotated[tuple[str, ...], Field(max_length=64)] = ()

    def of(self, host: str, port: int | None) -> Login | None:
        """That of the port before that of the host."""
        return self.logins.get(f"{host}:{port}") or self.logins.get(host)


def opened_as(folder: Path, source: str) -> str:
    """The address that a source of a site's configuration is opened by, its login included; keep it to yourself."""
    scheme, _, rest = source.partition(":")
    if scheme == PIPELINE:
        if rest not in read_logins(folder).pipelines:
            raise WrongUse(
                f"A pipeline that {FILE} on this device does not list is not run.",
                mend="Write it there, under `pipelines`, as the site's configuration has it.",
            )
        return source
    if scheme not in WITH_LOGIN:
        return source
    try:
        parts = urlsplit(source)
        host, port = parts.hostname, parts.port
    except ValueError:
        return source  # whoever opens it says what is wrong
    login = None if host is None else read_logins(folder).of(host, port)
    if login is None:
        return source
    name = f"{quote(login.user, safe='')}:{quote(login.password.get_secret_value(), safe='')}"
    return urlunsplit(parts._replace(netloc=f"{name}@{parts.netloc}"))


def stamp_of(folder: Path, source: str) -> tuple[int, ...]:
    """Another one when the file that this source is opened with was written anew."""
    if source.partition(":")[0] not in {*WITH_LOGIN, PIPELINE}:
        return ()
    try:
        about = (folder / FILE).lstat()
    except OSError:
        return ()
    return about.st_ino, about.st_mtime_ns, about.st_size, about.st_mode


def read_logins(folder: Path) -> Logins:
    """What stands there; nothing where there is no file. One that others may read, or that is damaged, is refused."""
    path = folder / FILE
    try:
        data = _private(path)
    except FileNotFoundError:
        return Logins()
    except OSError as error:
        raise WrongUse(f"{path} cannot be read ({error.strerror}).", mend=_MEND) from None
    try:
        return Logins.model_validate_json(data)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in detail["loc"]) or "the whole"
        raise WrongUse(f"{path}: {where}: {detail['msg']}.", mend=_MEND) from None
    except RecursionError:
        raise WrongUse(f"{path} is nested too deeply.", mend=_MEND) from None


def _private(path: Path) -> bytes:
    """Looked at after it was opened, so that nobody can put another in its place."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST:
            raise WrongUse(f"{path} is no plain file of at most {LARGEST:,} bytes.", mend=_MEND)
        if about.st_uid != os.geteuid() or stat.S_IMODE(about.st_mode) & 0o077:
            raise WrongUse(
                f"{path} may be read or written by others than this agent, and holds passwords.",
                mend=f"As the user of the agent: chmod 600 {path}",
            )
        return file.read(LARGEST + 1)
