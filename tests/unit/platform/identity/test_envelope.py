"""A signed statement says who said what, and nothing but that passes."""

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from securesystemslib.signer import CryptoSigner

from slipway.platform.identity import (
    BadEnvelope,
    IdentityError,
    NotTrusted,
    People,
    PersonSigner,
    Revocation,
    Role,
    sign,
    verify,
)
from slipway.platform.identity.envelope import LARGEST_ENVELOPE

KIND = "application/vnd.slipway.example+json"
PAYLOAD = b'{"decision":"approved"}'

Known = Callable[..., PersonSigner]
PeopleOf = Callable[..., People]


def respelled(envelope: bytes, **changes: object) -> bytes:
    """The envelope with some fields replaced, in canonical form."""
    return json.dumps({**json.loads(envelope), **changes}, sort_keys=True, separators=(",", ":")).encode()


def test_what_someone_signed_comes_back_with_their_name(known: Known, people_of: PeopleOf) -> None:
    ada, grace = known("ada", Role.APPROVER), known("grace", Role.APPROVER)
    found = verify(people_of(ada, grace), sign(grace, PAYLOAD, KIND), KIND, role=Role.APPROVER)
    assert (found.payload, found.person.name, found.keyid) == (PAYLOAD, "grace", grace.key.keyid)


def test_the_same_statement_has_the_same_bytes(known: Known) -> None:
    ada = known("ada")
    assert sign(ada, PAYLOAD, KIND) == sign(ada, PAYLOAD, KIND)


def test_any_bytes_can_be_signed(known: Known, people_of: PeopleOf) -> None:
    ada = known("ada")
    for payload in (b"", b"\x00\xff", b"not json {"):
        assert verify(people_of(ada), sign(ada, payload, KIND), KIND).payload == payload


def test_a_key_on_a_nist_curve_signs_as_well(known: Known, people_of: PeopleOf) -> None:
    ada = known("ada", key=CryptoSigner(generate_private_key(SECP256R1())))
    assert verify(people_of(ada), sign(ada, PAYLOAD, KIND), KIND).person.name == "ada"


def test_every_single_flipped_bit_is_refused(known: Known, people_of: PeopleOf) -> None:
    ada = known("ada")
    people, envelope = people_of(ada), sign(ada, PAYLOAD, KIND)
    for position in range(len(envelope)):
        for bit in range(8):
            changed = bytearray(envelope)
            changed[position] ^= 1 << bit
            with pytest.raises((BadEnvelope, NotTrusted)):
                verify(people, bytes(changed), KIND)


def test_every_prefix_and_every_addition_is_refused(known: Known, people_of: PeopleOf) -> None:
    ada = known("ada")
    people, envelope = people_of(ada), sign(ada, PAYLOAD, KIND)
    for end in range(len(envelope)):
        with pytest.raises(BadEnvelope):
            verify(people, envelope[:end], KIND)
    for added in (b"\n", b" ", b"{}", b"\x00"):
        with pytest.raises(BadEnvelope):
            verify(people, envelope + added, KIND)


def test_a_statement_of_another_kind_does_not_pass(known: Known, people_of: PeopleOf) -> None:
    ada = known("ada")
    with pytest.raises(BadEnvelope, match=r"signed as 'kind/verdict', expected 'kind/approval'"):
        verify(people_of(ada), sign(ada, PAYLOAD, "kind/verdict"), "kind/approval")


def test_a_changed_kind_does_not_fit_the_signature(known: Known, people_of: PeopleOf) -> None:
    ada = known("ada")
    forged = respelled(sign(ada, PAYLOAD, "kind/verdict"), payloadType="kind/approval")
    with pytest.raises(BadEnvelope, match=r"`ada` is wrong"):
        verify(people_of(ada), forged, "kind/approval")


def test_an_unknown_key_is_named(known: Known, people_of: PeopleOf) -> None:
    ada, stranger = known("ada"), known("ada")
    with pytest.raises(NotTrusted, match=f"people.toml knows nobody with the key {stranger.key.keyid}"):
        verify(people_of(ada), sign(stranger, PAYLOAD, KIND), KIND)


def test_a_signature_under_the_name_of_someone_else_is_refused(known: Known, people_of: PeopleOf) -> None:
    ada, grace = known("ada"), known("grace")
    (signature,) = json.loads(sign(ada, PAYLOAD, KIND))["signatures"]
    forged = respelled(sign(ada, PAYLOAD, KIND), signatures=[{**signature, "keyid": grace.key.keyid}])
    with pytest.raises(BadEnvelope, match="`grace` is wrong"):
        verify(people_of(ada, grace), forged, KIND)


def test_a_missing_role_names_the_person_and_the_role(known: Known, people_of: PeopleOf) -> None:
    ada = known("ada", Role.TRAINER)
    with pytest.raises(NotTrusted, match=r"`ada` signed this and is no approver .*roles held: trainer") as refused:
        verify(people_of(ada), sign(ada, PAYLOAD, KIND), KIND, role=Role.APPROVER)
    assert "slipway identity trust ada --role approver" in (refused.value.mend or "")


def test_roles_are_those_of_the_people_given_not_of_the_signer(known: Known, people_of: PeopleOf) -> None:
    ada = known("ada", Role.APPROVER)
    envelope = sign(ada, PAYLOAD, KIND)
    without = People((ada.person.model_copy(update={"roles": ()}),))
    assert verify(people_of(ada), envelope, KIND, role=Role.APPROVER).payload == PAYLOAD
    with pytest.raises(NotTrusted, match="roles held: none"):
        verify(without, envelope, KIND, role=Role.APPROVER)


def test_nothing_new_from_a_revoked_key_is_accepted_whatever_its_date(
    known: Known, people_of: PeopleOf, moment: datetime
) -> None:
    lost = Revocation(at=moment + timedelta(days=10), reason="laptop stolen")
    ada = known("ada", revoked=lost)
    with pytest.raises(NotTrusted, match=r"`ada`, which signed this, was revoked .* laptop stolen"):
        verify(people_of(ada), sign(ada, PAYLOAD, KIND), KIND)


def test_what_a_key_signed_before_it_was_lost_still_counts_for_that_time(
    known: Known, people_of: PeopleOf, moment: datetime
) -> None:
    lost = moment + timedelta(days=10)
    ada = known("ada", revoked=Revocation(at=lost, reason="laptop stolen"))
    people, envelope = people_of(ada), sign(ada, PAYLOAD, KIND)
    for counted in (moment, lost - timedelta(seconds=1)):
        assert verify(people, envelope, KIND, at=counted).payload == PAYLOAD
    for refused in (lost, lost + timedelta(days=1)):
        with pytest.raises(NotTrusted, match="was revoked"):
            verify(people, envelope, KIND, at=refused)
    with pytest.raises(NotTrusted, match="counts since"):
        verify(people, envelope, KIND, at=moment - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "envelope"),
        (b"\xff\xfe", "envelope"),
        (b"[]", "envelope"),
        (b"[" * 100_000, "envelope"),
        (b"{}", "payload"),
        (b'{"payload":"AA==","payloadType":"k","signatures":[]}', "signatures"),
        (b'{"payload":1,"payloadType":"k","signatures":[]}', "payload"),
        (b'{"payload":"%","payloadType":"k","signatures":[{"keyid":"' + b"0" * 64 + b'","sig":""}]}', "envelope"),
        (b'{"payload":"","payloadType":"k","signatures":[{"keyid":"0","sig":""}]}', "keyid"),
    ],
)
def test_what_is_no_envelope_is_refused_with_the_place(people_of: PeopleOf, text: bytes, reason: str) -> None:
    with pytest.raises(BadEnvelope, match=reason):
        verify(people_of(), text, KIND)


def test_one_statement_has_one_signature(known: Known, people_of: PeopleOf) -> None:
    ada, grace = known("ada"), known("grace")
    signatures = [json.loads(sign(signer, PAYLOAD, KIND))["signatures"][0] for signer in (ada, grace)]
    with pytest.raises(BadEnvelope, match="one signature"):
        verify(people_of(ada, grace), respelled(sign(ada, PAYLOAD, KIND), signatures=signatures), KIND)


def test_another_spelling_of_the_same_statement_is_refused(known: Known, people_of: PeopleOf) -> None:
    ada = known("ada")
    envelope = sign(ada, b"\xff\xfe\xfd", KIND)
    fields = json.loads(envelope)
    url_safe = base64.urlsafe_b64encode(b"\xff\xfe\xfd").decode()
    assert fields["payload"] != url_safe
    spellings = [
        json.dumps(fields).encode(),
        json.dumps(fields, indent=1).encode(),
        respelled(envelope, payload=url_safe),
        envelope[:-1] + b',"payload":"AA=="}',
        envelope.replace(b'{"payload"', b'{"payload":"AA==","payload"', 1),
        respelled(envelope, comment="x"),
    ]
    for spelling in spellings:
        with pytest.raises(BadEnvelope):
            verify(people_of(ada), spelling, KIND)


def test_an_envelope_that_is_too_large_is_refused_unread_and_never_made(known: Known, people_of: PeopleOf) -> None:
    ada = known("ada")
    with pytest.raises(BadEnvelope, match="refused unread"):
        verify(people_of(ada), b"x" * (LARGEST_ENVELOPE + 1), KIND)
    with pytest.raises(IdentityError, match="too large to sign"):
        sign(ada, bytes(LARGEST_ENVELOPE), KIND)


def test_a_signature_that_others_could_not_check_is_not_given_out(known: Known) -> None:
    ada = known("ada")
    turned = PersonSigner(ada.person, ada.key, CryptoSigner.generate_ed25519(ada.key.keyid))
    with pytest.raises(IdentityError, match="does not fit the public key"):
        sign(turned, PAYLOAD, KIND)
