"""Real keys in memory, people who hold them, and the command line in a home of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from slipway.platform.identity import People, Person, PersonSigner, Revocation, Role, TrustedKey

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def moment() -> datetime:
    """Some moment; keys are trusted from it on."""
    return datetime(2026, 1, 31, 9, 0, tzinfo=UTC)


@pytest.fixture
def known(moment: datetime) -> Callable[..., PersonSigner]:
    """Make someone with a new key: `known("ada", Role.TRAINER, revoked=…)`."""

    def make(
        name: str, *roles: Role, revoked: Revocation | None = None, key: CryptoSigner | None = None
    ) -> PersonSigner:
        signer = key or CryptoSigner.generate_ed25519()
        trusted = TrustedKey.of(signer.public_key, moment).model_copy(update={"revoked": revoked})
        return PersonSigner(Person(name=name, roles=roles, key=(trusted,)), trusted, signer)

    return make


@pytest.fixture
def people_of() -> Callable[..., People]:
    """Those who are trusted: `people_of(ada, grace)`."""

    def make(*signers: PersonSigner) -> People:
        return People(tuple(signer.person for signer in signers), "people.toml")

    return make


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home folder, in which a project without settings lies."""
    (tmp_path / "home" / "project").mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """What a command sees: that home, and nothing of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLIPWAY_", "XDG_"))}
    return kept | {"HOME": str(home), "COLUMNS": "200"}


@pytest.fixture
def slipway(home: Path, environment: dict[str, str]) -> Run:
    """Run `slipway identity …` as a person would, in a process of its own."""

    def run(*arguments: str, given: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).with_name("slipway"), "identity", *arguments],
            cwd=home / "project",
            env=environment | variables,
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
