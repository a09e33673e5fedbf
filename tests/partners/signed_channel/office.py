"""A project with people, keys and a channel; on it machines that have fewer keys, and devices."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from slipway.platform.identity import People, TrustedKey
from slipway.platform.identity.key_ring import KeyRing
from slipway.platform.store import Store
from slipway.serving.bundle.folder import Bundle
from slipway.serving.channel.client import ChannelClient
from slipway.serving.channel.folder_transport import FolderTransport
from slipway.serving.channel.pointer import Pointer
from slipway.serving.channel.release import Release
from slipway.serving.channel.transport import Transport
from slipway.serving.fleet.simulation.office import (
    ROLES,
    SERVICES,
    START,
    Time,
    files_of,
    named,
    right,
)
from slipway.serving.fleet.simulation.office import Office as Whole
from slipway.serving.release.tuf_repository import TufRepository

__all__ = ["ROLES", "SERVICES", "START", "Office", "Time", "files_of", "tree"]


@dataclass
class Office(Whole):
    """The project's folder, with everybody's keys on this one machine; see `alone` for a machine with fewer."""

    def copied(self, to: Path) -> "Office":
        """All of it once more in another folder, at the same moment."""
        shutil.copytree(self.root, to)
        return Office(to, time=Time(self.time.now()))

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
        return TufRepository.open(loaded, store=store, now=self.time.now, review=right)

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

    def lead_with(self, repository: TufRepository, bundle: Bundle) -> None:
        """Release 1 to everybody, as often as it takes: a repetition does what is missing."""
        wanted = Release(
            model=bundle.manifest.model, number=1, bundle=bundle.digest, floor=0, signed_at=self.time.now()
        )
        stands = repository.add_release(wanted, files_of(bundle))
        pointer = Pointer(model=stands.model, sequence=1, signed_at=self.time.now(), base=named(stands))
        repository.set_pointer(pointer)
        repository.commit()

    def client(
        self, trust: Path, transport: Transport | None = None, *, bootstrap: bytes | None = None
    ) -> ChannelClient:
        """A device, enrolled with the newest root unless another is given."""
        return ChannelClient(
            trust, transport or FolderTransport(self.folder), bootstrap or self.repository().root_bytes()
        )


def tree(folder: Path) -> dict[str, bytes]:
    """All files of a channel that devices can ask for."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] in {"metadata", "targets"}
    }
