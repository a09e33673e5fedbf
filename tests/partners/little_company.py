"""A laptop that `slipway.pipelines.local.founding` makes a little company, and champions that nobody trained."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import uvicorn

from slipway.pipelines.local.founding import found
from slipway.pipelines.local.founding.staff import acting_as
from slipway.pipelines.local.parts import Founded
from slipway.pipelines.local.place import Place
from slipway.platform.identity import People, load_people, signer_for
from slipway.platform.ledger.entry import Action
from slipway.platform.registry.bundles import keep_bundle
from slipway.platform.registry.decisions import About, registered, verdict_given
from slipway.platform.registry.desk import Desk
from slipway.platform.registry.records import VersionRecord, digest_of, version_key
from slipway.platform.registry.verdict import Checked, Verdict
from slipway.platform.registry.verdicts import bind_verdict
from slipway.platform.settings import Loaded, load
from slipway.serving.bundle.folder import Bundle
from slipway.serving.fleet.operators.acting import KnownPeople
from slipway.serving.fleet.service.app import create_app
from slipway.serving.fleet.service.context import Service
from slipway.serving.fleet.service.listening import listen
from slipway.serving.fleet.service.running import configuration
from slipway.serving.fleet.store.store import FleetStore

USER = "ada"


@dataclass
class Laptop:
    """A home with a project; who is logged in is `USER`, where the test says so."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.environ = {"HOME": str(self.folder / "home"), **self.environ}
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / "slipway.toml").touch()

    @property
    def root(self) -> Path:
        return self.folder / "project"

    @property
    def place(self) -> Place:
        return Place(self.root, self.environ)

    @property
    def loaded(self) -> Loaded:
        return load(self.root, self.environ)

    @property
    def people(self) -> People:
        return load_people(self.loaded.settings.identity.people)

    @property
    def keys(self) -> dict[str, bytes]:
        """Private keys by their owner."""
        return {one.stem: one.read_bytes() for one in self.loaded.settings.identity.keys.glob("*.pem")}

    def acting(self, name: str = USER) -> Loaded:
        """The settings of somebody."""
        return acting_as(self.loaded, name)

    def found(self) -> Founded:
        """As `slipway local up` does."""
        self.told.clear()
        return found(self.place, self.loaded, self.told.append)


@contextmanager
def serving(laptop: Laptop) -> Iterator[FleetStore]:
    """Its fleet service in a thread, on a free port, which its settings name meanwhile; devices read the folder."""
    with FleetStore.of(laptop.loaded) as store, listen("127.0.0.1", 0) as listening:
        laptop.environ["SLIPWAY_FLEET__URL"] = f"http://127.0.0.1:{listening.getsockname()[1]}"
        loaded = laptop.loaded
        people = KnownPeople(loaded.settings.identity.people)
        service = Service(store, people, loaded.settings.channel.url, loaded.settings.fleet)
        server = uvicorn.Server(configuration(create_app(service)))
        thread = threading.Thread(target=server.run, args=([listening],), name="fleet-service")
        thread.start()
        try:
            yield store
        finally:
            server.should_exit = True
            thread.join()


def make_champion(loaded: Loaded, folder: Path, number: int, *, person: str, service: str = "flows") -> str:
    """Register the bundle in this folder as a version, judge it, approve it, and make it champion; its digest."""
    trained, looked = (Desk.of(acting_as(loaded, name)) for name in (service, person))
    made = Bundle.open(folder)
    model, digest = made.manifest.model, made.digest
    keep_bundle(trained.store, folder)
    champion = trained.standing(model).champion
    checked = Checked(gate="floor", name="accuracy", state="passed", sentence="accuracy is 0.9, at least 0.8.")
    verdict = Verdict(
        model=model, bundle=digest, champion=champion, snapshot="d" * 64, gates="e" * 64, code=uuid4().hex * 2,
        checks=(checked,), judged_at=datetime.now(UTC),
    )  # fmt: skip
    signer = signer_for(trained.loaded.settings.identity, trained.people)
    bind_verdict(trained.store, trained.people, verdict, signer)
    trained.ledger.append(verdict_given(verdict, actor=service, nonce=uuid4().hex), signer)
    record = VersionRecord(
        bundle=digest, model=model, number=str(number), verdict=verdict.key, risk="minimal", registered_by=service,
        trained_by=(service,), nonce=uuid4().hex, at=datetime.now(UTC),
    )  # fmt: skip
    record.bind(trained.store, version_key(digest))
    about = About(model, digest, str(number), verdict.key, None)
    told = registered(
        about, actor=service, nonce=uuid4().hex, needed=1, barred=(service,), record=digest_of(trained.store, digest)
    )
    trained.ledger.append(told, signer)
    for action in (Action.APPROVE, Action.PROMOTE):
        named = replace(about, replaces=champion if action is Action.PROMOTE else None)
        decision = named.decided(action, actor=person, nonce=uuid4().hex, reason="because")
        looked.ledger.append(decision, looked.signer)
    assert Desk.of(loaded).standing(model).champion == digest
    return digest
