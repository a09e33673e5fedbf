"""What a device knows of itself, `device.json`, and the folder in which everything of it lies.

    device.json         who it is, what it follows, what it may spend; written by enrolling and by nothing else
    device.key          its own key, which never leaves it
    root.<sha256>.json  the root metadata that it was given, from which all trust comes
    looked              its date is that of the last look at the channel
    reached             its date is that of the last report that the fleet service took
    fleet.json          how far the numbers of its requests are, and what is wrong with the service
    site.json           the configuration of its site that was believed last
    cameras.json        logins of cameras, written by a person; see `fleet.logins`
    streams.json        how the streams are, while some are run
    lock                held by the one agent that works here, with a line that says who
    building.<model>    how far its engine is, while one is built

Everything else in the folder is the agent's and is made again by it. Files are 0600, folders 0700.
"""

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field, ValidationError, field_validator

from slipway.serving.bundle.canonical import sha256
from slipway.serving.bundle.contract import Line, Part
from slipway.serving.bundle.durable import write_whole
from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.manifest import Digest, ModelName
from slipway.serving.bundle.reading import read_plain
from slipway.serving.channel.limits import LARGEST_ROOT
from slipway.serving.channel.pointer import Name
from slipway.serving.edge.agent.health import RULES
from slipway.serving.errors import SlipwayError, WrongUse

VARIABLE: Final = "SLIPWAY_EDGE_HOME"
SYSTEM_HOME: Final = Path("/var/lib/slipway-edge")
DEVICE: Final = "device.json"
KEY: Final = "device.key"
LOCK: Final = "lock"
LOOKED: Final = "looked"
LARGEST_DEVICE: Final = 64 * 1024

DeviceId = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$")]
"""It stands in decision ids and in addresses."""


class Polling(Part):
    """How often the channel is looked at."""

    every_s: float = Field(default=300, ge=5, le=86_400)
    spread: float = Field(default=0.2, ge=0, le=0.5)
    """Each wait is up to this share longer or shorter, so that a fleet does not ask all at once."""
    longest_s: float = Field(default=3600, ge=5, le=7 * 86_400)
    """Of the waits after one failed look upon another."""


class Budget(Part):
    """What fetching may cost; None is without limit."""

    bytes_per_day: int | None = Field(default=None, ge=1_000_000)
    bytes_per_second: int | None = Field(default=None, ge=1_000)


class Network(Part):
    """How the channel is reached."""

    patience_s: float = Field(default=30, ge=1, le=600)
    """How long a server may say nothing, or fall behind the least rate."""
    least_bytes_per_second: float = Field(default=1024, ge=1)
    plain_http: bool = False
    """Whether http will do: what is installed is signed all the same, but others see it and may hold it back."""
    authorities: Line | None = None
    """A file with the certificates that are believed in place of the system's."""


class Probation(Part):
    """How long a release is watched after it became active; see `agent.health.Rules`, whose defaults are these."""

    seconds: float = Field(default=RULES.seconds, ge=0, le=7 * 86_400)
    sample: int = Field(default=RULES.sample, ge=1, le=1_000_000)
    longest: float = Field(default=RULES.longest, ge=0, le=30 * 86_400)
    every: float = Field(default=RULES.every, ge=0, le=3600)


class Enrolment(Part):
    """Who a device is, what it follows and what it may spend."""

    format: Literal[1] = 1
    id: DeviceId
    device_class: ModelName
    """One of the kinds of devices that a model's declaration names, such as `edge-cpu`."""
    cohorts: Annotated[tuple[Name, ...], Field(max_length=32)] = ()
    channel: Annotated[str, Field(min_length=1, max_length=2048)]
    """Where it is: `https://…` or the path of a folder."""
    models: Annotated[tuple[ModelName, ...], Field(min_length=1, max_length=16)]
    enrolled_at: AwareDatetime
    """No earlier than that is it now, whatever the clock says."""
    public_key: Digest
    """Of its ed25519 key, in hexadecimal."""
    root: Digest
    """sha256 of the root metadata that it was given."""
    fleet: Annotated[str, Field(min_length=1, max_length=2048)] | None = None
    """Where the fleet service is; None where this device tells nobody."""
    site: Name | None = None
    """Where it stands: its streams, masks, thresholds and windows may come from the channel, by this name."""
    network: Network = Network()
    polling: Polling = Polling()
    budget: Budget = Budget()
    probation: Probation = Probation()
    window_s: float = Field(default=300, ge=1, le=86_400)
    """What models do is counted and told in windows of so many seconds."""
    latency_times: float = Field(default=1, ge=1, le=100)
    """So many times as long as its class may a model take here: on a machine that does other things as well."""
    threads: int = Field(default=1, ge=1, le=64)
    """Which a model runs with."""
    tensorrt_python: Line | None = None
    """The interpreter that has `tensorrt`, where that is another than the agent's."""

    @field_validator("models", "cohorts")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) != len(names):
            raise ValueError("A name stands there twice")
        return names

    def to_bytes(self) -> bytes:
        """As it is written, for people to read as well."""
        return self.model_dump_json(indent=2).encode() + b"\n"


class NotEnrolled(SlipwayError):
    """This machine is no device yet."""


class Home:
    """The folder of a device."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def key(self) -> Path:
        """Its private key."""
        return self.folder / KEY

    def find(self) -> Enrolment | None:
        """Who this device is; None where it was never enrolled."""
        path = self.folder / DEVICE
        if not _is_there(path):
            return None
        try:
            return Enrolment.model_validate_json(read_plain(path, LARGEST_DEVICE))
        except ValidationError as error:
            detail = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in detail["loc"]) or "the whole"
            raise SlipwayError(f"{path}: {where}: {detail['msg']}.", mend=_AGAIN) from None
        except (BadBundle, RecursionError) as error:
            raise SlipwayError(f"{path} cannot be used: {error}", mend=_AGAIN) from None

    def enrolment(self) -> Enrolment:
        """Who this device is; `NotEnrolled` where it is none."""
        enrolment = self.find()
        if enrolment is None:
            raise NotEnrolled(
                f"{self.folder} holds no device: this machine was never enrolled.",
                mend="`slipway-edge enrol` does that; --home or "
                f"{VARIABLE} name another folder, if it was enrolled elsewhere.",
            )
        return enrolment

    def root(self, enrolment: Enrolment) -> bytes:
        """The root metadata that it was given."""
        path = self.folder / root_name(enrolment.root)
        try:
            data = read_plain(path, LARGEST_ROOT)
        except BadBundle as error:
            raise SlipwayError(str(error), mend=_AGAIN) from None
        if sha256(data) != enrolment.root:
            raise SlipwayError(f"{path} is not the root that this device was enrolled with.", mend=_AGAIN)
        return data

    def make(self) -> None:
        """The folder, for this user alone."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = self.folder.stat()
        if about.st_uid != os.geteuid():
            raise WrongUse(
                f"{self.folder} belongs to the user {_user(about.st_uid)}, and this is {_user(os.geteuid())}.",
                mend=f"Run the command as that user: `sudo -u {_user(about.st_uid)} slipway-edge …`.",
            )
        if stat.S_IMODE(about.st_mode) & 0o077:
            self.folder.chmod(0o700)

    def write(self, name: str, data: bytes) -> None:
        """A file of this device: the old content or the new one, never a part."""
        write_whole(self.folder / name, data, part=self.folder / f".{name}.coming")

    def note_look(self) -> None:
        """The channel was looked at just now; only the date of a file says it, which is not worth a write."""
        with suppress(OSError):
            (self.folder / LOOKED).touch(0o600)

    def last_look(self) -> datetime | None:
        """When the channel was last looked at and believed, by this machine's clock; None where it never was."""
        try:
            return datetime.fromtimestamp((self.folder / LOOKED).lstat().st_mtime, timezone.utc)
        except (OSError, OverflowError, ValueError):
            return None


_AGAIN: Final = "`slipway-edge enrol … --again` writes it anew."


def root_name(digest: str) -> str:
    """The file of the root metadata with this sha256: `device.json` says which one counts."""
    return f"root.{digest}.json"


def home_folder(named: Path | None, environment: Mapping[str, str]) -> Path:
    """The folder that was named, by option or variable; else the system's where this user may write, or one's own."""
    if named is not None:
        return named.expanduser().absolute()
    if told := environment.get(VARIABLE):
        return Path(told).expanduser().absolute()
    if os.geteuid() == 0 or os.access(SYSTEM_HOME, os.W_OK | os.X_OK):
        return SYSTEM_HOME
    return Path(environment.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "slipway-edge"


def _is_there(path: Path) -> bool:
    try:
        return path.exists() or path.is_symlink()
    except PermissionError:
        raise WrongUse(
            f"{path.parent} may not be looked into by {_user(os.geteuid())}.",
            mend="Run the command as the user that the device belongs to.",
        ) from None


def _user(number: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
