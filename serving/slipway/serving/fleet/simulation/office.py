"""People with keys of their own, and the channel that they sign: all that a simulation needs of an organisation.

Keys, signatures and the repository are real; the clock stands still until it is moved. Everything lies in one folder,
which nobody else's keys and settings are read from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from securesystemslib.signer import Signer
from tuf.api.metadata import Targets

from slipway.platform.identity import People, Person, Role, TrustedKey, load_people
from slipway.platform.identity.key_ring import KeyRing
from slipway.platform.identity.people_text import rewritten
from slipway.platform.settings import Loaded, load
from slipway.platform.store import Store
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import MANIFEST
from slipway.serving.channel.pointer import Named, Pointer
from slipway.serving.channel.release import Release
from slipway.serving.release.tuf_repository import TufRepository

START: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)
ROLES: Final = {
    "ada": (Role.CHANNEL_ROOT, Role.APPROVER),
    "ben": (Role.CHANNEL_ROOT, Role.APPROVER),
    "cleo": (Role.CHANNEL_ROOT,),
    "dora": (Role.RELEASER,),
    "rollouts": (Role.ROLLOUT_SERVICE,),
}
SERVICES: Final = frozenset({"rollouts", "keeper"})


@dataclass
class Time:
    """A clock that stands still until it is moved."""

    moment: datetime = START

    def now(self) -> datetime:
        """What it shows."""
        return self.moment

    def forward(self, **by: float) -> datetime:
        """Move it."""
        self.moment += timedelta(**by)
        return self.moment


@dataclass
class Office:
    """The project's folder, with everybody's keys on this one machine."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)
    time: Time = field(default_factory=Time)

    def __post_init__(self) -> None:
        self.environ = {"HOME": str(self.root / "home"), **self.environ}

    def open(self) -> Self:
        """Give everybody a key, write the people file, found the channel."""
        self.known()
        self.repository().found()
        return self

    def known(self, roles: Mapping[str, tuple[Role, ...]] = ROLES) -> Self:
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
        """Everybody's keys."""
        return KeyRing(self.root / "home" / ".config" / "slipway" / "keys")

    @property
    def folder(self) -> Path:
        """What a web server gives out."""
        return Path(self.loaded().settings.channel.url)

    def loaded(self, **environ: str) -> Loaded:
        """The settings here."""
        return load(self.root, {**self.environ, **environ})

    def write_people(self, people: People) -> None:
        """From now on these are known."""
        (self.root / ".slipway" / "people.toml").write_text(rewritten("", people))

    def people(self) -> People:
        """Who is known."""
        return load_people(self.root / ".slipway" / "people.toml")

    def repository(self, store: Store | None = None) -> TufRepository:
        """The channel as whoever has all keys sees it."""
        return TufRepository.open(self.loaded(), store=store, now=self.time.now, review=right)

    def key(self, name: str) -> Signer:
        """Somebody's private key, as a thief has it."""
        return self.ring.load(name)

    def add(self, bundle: Bundle, number: int = 1, *, floor: int = 0, **said: Any) -> Release:  # noqa: ANN401 - as Release has it
        """Sign a release; devices see it after a commit."""
        release = Release(
            model=bundle.manifest.model, number=number, bundle=bundle.digest, floor=floor, signed_at=self.time.now(),
            **said,
        )  # fmt: skip
        return self.repository().add_release(release, files_of(bundle))

    def point(self, model: str, *, base: Release | None = None, target: Release | None = None, **said: Any) -> Pointer:  # noqa: ANN401 - as Pointer has it
        """Sign the next pointer; devices see it after a commit."""
        repository = self.repository()
        before = repository.pointer(model)
        pointer = Pointer(
            model=model,
            sequence=before.sequence + 1 if before else 1,
            signed_at=self.time.now(),
            base=named(base),
            target=named(target),
            **said,
        )
        repository.set_pointer(pointer)
        return pointer

    def lead(self, bundle: Bundle, number: int = 1, *, floor: int = 0, **said: Any) -> Release:  # noqa: ANN401 - as `add`
        """Release a bundle to everybody."""
        release = self.add(bundle, number, floor=floor)
        self.point(release.model, base=release, **said)
        self.repository().commit()
        return release


def right(_: Targets) -> tuple[str, ...]:
    """An office without a ledger has looked at its list itself."""
    return ()


def files_of(bundle: Bundle) -> dict[str, Path]:
    """A bundle's files by their names."""
    return {name: bundle.folder / name for name in (MANIFEST, *bundle.manifest.files)}


def named(release: Release | None) -> Named | None:
    """As a pointer has it."""
    return None if release is None else Named(number=release.number, bundle=release.bundle)
