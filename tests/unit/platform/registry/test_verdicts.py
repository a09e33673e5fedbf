"""Verdicts in the store: what is signed counts, and nothing else."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from slipway.platform.identity import NotTrusted, People, Person, PersonSigner, Revocation, Role, TrustedKey, sign
from slipway.platform.registry.verdict import PAYLOAD, Checked, Verdict
from slipway.platform.registry.verdicts import (
    VerdictMissing,
    VerdictRefused,
    VerdictUntrusted,
    bind_verdict,
    load_verdict,
    objection,
    stands_for,
    verdict_place,
    verdicts_of,
)
from slipway.platform.store.directory import DirectoryStore

BUNDLE, CHAMPION, OTHER = "a" * 64, "b" * 64, "c" * 64
MOMENT = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)


def person(name: str, *roles: Role) -> PersonSigner:
    signer = CryptoSigner.generate_ed25519()
    key = TrustedKey.of(signer.public_key, MOMENT)
    return PersonSigner(Person(name=name, roles=roles, key=(key,)), key, signer)


@pytest.fixture(scope="module")
def gates() -> PersonSigner:
    return person("gates", Role.GATE_SERVICE)


@pytest.fixture(scope="module")
def trainer() -> PersonSigner:
    return person("ada", Role.TRAINER)


@pytest.fixture(scope="module")
def people(gates: PersonSigner, trainer: PersonSigner) -> People:
    return People((gates.person, trainer.person), "people.toml")


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


@pytest.fixture
def verdict() -> Callable[..., Verdict]:
    def make(**changed: object) -> Verdict:
        checked = Checked(gate="floor", name="accuracy", state="passed", sentence="accuracy is 0.9, at least 0.8.")
        fields = {
            "model": "tiny", "bundle": BUNDLE, "champion": CHAMPION, "snapshot": "d" * 64, "gates": "e" * 64,
            "code": "f" * 64, "checks": (checked,), "judged_at": MOMENT,
        }  # fmt: skip
        return Verdict.model_validate({**fields, **changed})

    return make


def test_a_verdict_comes_back_as_it_was_bound(
    store: DirectoryStore, people: People, gates: PersonSigner, verdict: Callable[..., Verdict]
) -> None:
    bound = bind_verdict(store, people, verdict(), gates)
    assert load_verdict(store, people, bound.key) == verdict()
    assert verdicts_of(store, people, BUNDLE) == (verdict(),)


def test_the_first_verdict_of_a_name_stays(
    store: DirectoryStore, people: People, gates: PersonSigner, verdict: Callable[..., Verdict]
) -> None:
    first = bind_verdict(store, people, verdict(), gates)
    later = verdict(judged_at=MOMENT.replace(hour=10))
    assert later.key == first.key
    assert bind_verdict(store, people, later, gates) == first


def test_the_newest_verdict_on_a_bundle_comes_first(
    store: DirectoryStore, people: People, gates: PersonSigner, verdict: Callable[..., Verdict]
) -> None:
    old = bind_verdict(store, people, verdict(), gates)
    new = bind_verdict(store, people, verdict(champion=OTHER, judged_at=MOMENT.replace(hour=10)), gates)
    bind_verdict(store, people, verdict(bundle=OTHER), gates)
    assert verdicts_of(store, people, BUNDLE) == (new, old)


def test_only_the_gates_sign(
    store: DirectoryStore, people: People, trainer: PersonSigner, verdict: Callable[..., Verdict]
) -> None:
    with pytest.raises(NotTrusted, match="`ada` is no gate-service"):
        bind_verdict(store, people, verdict(), trainer)
    store.put(verdict_place(verdict().key), sign(trainer, verdict().to_bytes(), PAYLOAD))
    with pytest.raises(VerdictRefused, match="`ada` signed this and is no gate-service"):
        load_verdict(store, people, verdict().key)


def test_a_stranger_counts_for_nothing(store: DirectoryStore, people: People, verdict: Callable[..., Verdict]) -> None:
    stranger = person("mallory", Role.GATE_SERVICE)
    store.put(verdict_place(verdict().key), sign(stranger, verdict().to_bytes(), PAYLOAD))
    with pytest.raises(VerdictRefused, match="knows nobody with the key"):
        load_verdict(store, people, verdict().key)


def test_a_changed_verdict_is_refused(
    store: DirectoryStore, people: People, gates: PersonSigner, verdict: Callable[..., Verdict]
) -> None:
    place = verdict_place(bind_verdict(store, people, verdict(), gates).key)
    data = store.get(place)
    middle = data.index(b'"payload":"') + 100
    store.put(place, data[:middle] + (b"A" if data[middle : middle + 1] != b"A" else b"B") + data[middle + 1 :])
    with pytest.raises(VerdictRefused):
        load_verdict(store, people, verdict().key)


def test_a_verdict_under_another_name_is_refused(
    store: DirectoryStore, people: People, gates: PersonSigner, verdict: Callable[..., Verdict]
) -> None:
    passed = bind_verdict(store, people, verdict(), gates)
    wanted = verdict(bundle=OTHER).key
    store.put(verdict_place(wanted), store.get(verdict_place(passed.key)))
    with pytest.raises(VerdictRefused, match=f"it is the verdict {passed.key[:12]}"):
        load_verdict(store, people, wanted)


def test_what_a_revoked_key_has_signed_is_passed_over_and_what_was_changed_is_not(
    store: DirectoryStore, people: People, gates: PersonSigner, verdict: Callable[..., Verdict]
) -> None:
    bound = bind_verdict(store, people, verdict(), gates)
    key = gates.key.model_copy(update={"revoked": Revocation(at=MOMENT, reason="lost")})
    later = People((Person(name="gates", roles=gates.person.roles, key=(key,)),), "people.toml")
    assert verdicts_of(store, later, BUNDLE) == ()
    with pytest.raises(VerdictUntrusted, match="was revoked"):
        load_verdict(store, later, bound.key)
    store.put(verdict_place(bound.key), b"{}")
    with pytest.raises(VerdictRefused):
        verdicts_of(store, people, BUNDLE)


def test_a_verdict_that_is_not_there_says_how_to_get_one(store: DirectoryStore, people: People) -> None:
    with pytest.raises(VerdictMissing) as caught:
        load_verdict(store, people, "0" * 64)
    assert "slipway gate" in str(caught.value.mend)


def test_a_verdict_decides_on_its_own_bundle_and_champion_alone(verdict: Callable[..., Verdict]) -> None:
    assert stands_for(verdict(), bundle=BUNDLE, champion=CHAMPION)
    assert "is on the bundle aaaaaaaaaaaa" in objection(verdict(), bundle=OTHER, champion=CHAMPION)
    assert "now it is the champion cccccccccccc" in objection(verdict(), bundle=BUNDLE, champion=OTHER)
    assert not stands_for(verdict(champion=None), bundle=BUNDLE, champion=CHAMPION)
    assert stands_for(verdict(champion=None), bundle=BUNDLE, champion=None)
