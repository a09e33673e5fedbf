"""A project with people, keys and a channel."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer import Signer
from tuf.api.metadata import Targets

from slipway.platform.identity import People, Person, Role, TrustedKey
from slipway.platform.identity.key_ring import KeyRing
from slipway.platform.identity.people_text import rewritten
from slipway.platform.settings import Loaded, load
from slipway.platform.store import Store
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import MANIFEST
from slipway.serving.channel.client import ChannelClient
from slipway.serving.channel.folder_transport import FolderTransport
from slipway.serving.channel.pointer import Named, Pointer
from slipway.serving.channel.release import Release
from slipway.serving.channel.transport import Transport
from slipway.serving.release.tuf_repository import TufRepository

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ROLES = {
    "ada": (Role.CHANNEL_ROOT, Role.APPROVER),
    "ben": (Role.CHANNEL_ROOT, Role.APPROVER),
    "cleo": (Role.CHANNEL_ROOT,),
    "dora": (Role.RELEASER,),
    "rollouts": (Role.ROLLOUT_SERVICE,),
}
SERVICES = {"rollouts", "keeper"}


@dataclass
class Time:
    """A clock that stands still until it is moved."""

    moment: datetime = START

    def now(self) -> datetime:
        return self.moment

    def forward(self, **by: float) -> datetime:
        self.moment += timedelta(**by)
        return self.moment


@dataclass
class Office:
    """The project's folder, with everybody's keys on this one machine; see `alone` for a machine with fewer."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)
    time: Time = field(default_factory=Time)

    def __post_init__(self) -> None:
        self.environ = {"HOME": str(self.root / "home"), **self.environ}

    def open(self) -> "Office":
        """Give everybody a key, write the people file, found the channel."""
        self.known()
        assert self.repository().found() == ()
        return self

    def copied(self, to: Path) -> "Office":
        """All of it once more in another folder, at the same moment."""
        shutil.copytree(self.root, to)
        return Office(to, time=Time(self.time.now()))

    def known(self, roles: Mapping[str, tuple[Role, ...]] = ROLES) -> "Office":
        """Give everybody a key and write the people file."""
        (self.root / ".slipway").mkdir(parents=True)
        (self.root / "slipway.toml").touch()
        persons = []
        for name, held in roles.items():
            self.ring.make(name)
            key = TrustedKey.of(self.ring.load(name).public_key, self.time.now() - timedelta(days=1))
            persons.append(Person(name=name, roles=held, service=name in SERVICES, key=(key,)))
        self.write_people(People(tuple(persons)))
        return self

    @property
    def ring(self) -> KeyRing:
        return KeyRing(self.root / "home" / ".config" / "slipway" / "keys")

    @property
    def folder(self) -> Path:
        """What a web server gives out."""
        return Path(self.loaded().settings.channel.url)

    def loaded(self, **environ: str) -> Loaded:
        return load(self.root, {**self.environ, **environ})

    def write_people(self, people: People) -> None:
        (self.root / ".slipway" / "people.toml").write_text(rewritten("", people))

    def people(self) -> People:
        from slipway.platform.identity import load_people

        return load_people(self.root / ".slipway" / "people.toml")

    def repository(self, store: Store | None = None) -> TufRepository:
        """The channel as whoever has all keys sees it."""
        return TufRepository.open(self.loaded(), store=store, now=self.time.now, review=_right)

    def alone(self, *names: str, store: Store | None = None) -> TufRepository:
        """The same channel from a machine that has only the keys of these."""
        home = self.root / ("home-of-" + "-".join(names))
        ring = KeyRing(home / ".config" / "slipway" / "keys")
        if not ring.folder.exists():
            ring.folder.mkdir(0o700, parents=True)
            for name in names:
                path = ring.folder / f"{name}.pem"
                path.touch(0o600)
                path.write_bytes((self.ring.folder / f"{name}.pem").read_bytes())
        loaded = self.loaded(HOME=str(home))
        return TufRepository.open(loaded, store=store, now=self.time.now, review=_right)

    def key(self, name: str) -> Signer:
        """Somebody's private key, as a thief has it."""
        return self.ring.load(name)

    def new_key(self, name: str) -> str:
        """A second key of somebody, which the people file trusts from now on; the first one's file is gone."""
        (self.ring.folder / f"{name}.pem").unlink()
        self.ring.make(name)
        new = TrustedKey.of(self.ring.load(name).public_key, self.time.now())
        people = self.people()
        persons = [
            one.model_copy(update={"keys": (*one.keys, new)}) if one.name == name else one for one in people.persons
        ]
        self.write_people(People(tuple(persons)))
        return new.keyid

    def add(self, bundle: Bundle, number: int = 1, *, floor: int = 0, **said: Any) -> Release:
        """Sign a release; devices see it after a commit."""
        release = Release(
            model=bundle.manifest.model, number=number, bundle=bundle.digest, floor=floor, signed_at=self.time.now(),
            **said,
        )  # fmt: skip
        return self.repository().add_release(release, files_of(bundle))

    def point(self, model: str, *, base: Release | None = None, target: Release | None = None, **said: Any) -> Pointer:
        """Sign the next pointer; devices see it after a commit."""
        repository = self.repository()
        before = repository.pointer(model)
        pointer = Pointer(
            model=model,
            sequence=before.sequence + 1 if before else 1,
            signed_at=self.time.now(),
            base=_named(base),
            target=_named(target),
            **said,
        )
        repository.set_pointer(pointer)
        return pointer

    def lead(self, bundle: Bundle, number: int = 1, *, floor: int = 0, **said: Any) -> Release:
        """Release a bundle to everybody."""
        release = self.add(bundle, number, floor=floor)
        self.point(release.model, base=release, **said)
        self.repository().commit()
        return release

    def lead_with(self, repository: TufRepository, bundle: Bundle) -> None:
        """Release 1 to everybody, as often as it takes: a repetition does what is missing."""
        wanted = Release(
            model=bundle.manifest.model, number=1, bundle=bundle.digest, floor=0, signed_at=self.time.now()
        )
        stands = repository.add_release(wanted, files_of(bundle))
        pointer = Pointer(model=stands.model, sequence=1, signed_at=self.time.now(), base=_named(stands))
        repository.set_pointer(pointer)
        repository.commit()

    def client(
        self, trust: Path, transport: Transport | None = None, *, bootstrap: bytes | None = None
    ) -> ChannelClient:
        """A device, enrolled with the newest root unless another is given."""
        return ChannelClient(
            trust, transport or FolderTransport(self.folder), bootstrap or self.repository().root_bytes()
        )


def _right(_: Targets) -> tuple[str, ...]:
    """An office without a ledger has looked at its list itself."""
    return ()


def files_of(bundle: Bundle) -> dict[str, Path]:
    """A bundle's files by their names."""
    return {name: bundle.folder / name for name in (MANIFEST, *bundle.manifest.files)}


def _named(release: Release | None) -> Named | None:
    return None if release is None else Named(number=release.number, bundle=release.bundle)


def tree(folder: Path) -> dict[str, bytes]:
    """All files of a channel that devices can ask for."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] in {"metadata", "targets"}
    }
