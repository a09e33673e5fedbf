"""The key that acts here: a file of this account's key ring, or a key that never leaves its vault.

`identity.signer` names a vault by an address of securesystemslib: `awskms:`, `gcpkms:`, `azurekms:`, `hsm:`, `hv:`, or
any scheme that a program registers in `SIGNER_FOR_URI_SCHEME`. Its public key comes from the people file. Either way
the key must be trusted before it signs: what an unknown key signs is refused everywhere, so it is refused here first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from securesystemslib.exceptions import UnsupportedLibraryError
from securesystemslib.signer import SIGNER_FOR_URI_SCHEME, CryptoSigner, GPGSigner, Signer

from slipway.platform.errors import WrongUse
from slipway.platform.identity.errors import IdentityError, NotTrusted
from slipway.platform.identity.key_ring import KeyRing
from slipway.platform.identity.people import People, Person, TrustedKey
from slipway.platform.identity.roles import Role
from slipway.platform.identity.signer_library import bring_aws
from slipway.platform.names import suggestion
from slipway.platform.settings import schema

AWS = "awskms"
EXTRAS = {AWS: "awskms", "azurekms": "azurekms", "gcpkms": "gcpkms", "hsm": "hsm", "hv": "vault", "tkey": "tkey"}
"""The extra of securesystemslib that brings the library of each scheme."""

NO_VAULTS = frozenset({CryptoSigner.SCHEME, GPGSigner.SCHEME})
"""Schemes that read private keys from files, past the checks of the key ring."""

AskSecret = Callable[[str], str]
"""Asks a person for a named secret, such as a token's PIN."""


@dataclass(frozen=True)
class PersonSigner:
    """Someone's key, able to sign. `signer` is for libraries that sign by themselves, as python-tuf does."""

    person: Person
    key: TrustedKey
    signer: Signer


def signer_for(identity: schema.Identity, people: People, *, ask: AskSecret | None = None) -> PersonSigner:
    """Who acts by these settings, ready to sign. `ask` is called for secrets that a vault wants from a person."""
    if identity.signer is not None:
        return _in_vault(identity.signer, identity.person, people, ask)
    ring = KeyRing(identity.keys)
    name = identity.person or _only_name(ring, people)
    signer = ring.load(name)
    person, key = trusted_entry(name, signer.public_key.keyid, people)
    return PersonSigner(person, key, signer)


def signer_holding(role: Role, identity: schema.Identity, people: People) -> PersonSigner:
    """Who acts, where that one holds the role; else the only key on this machine whose holder does.

    A verdict is signed by the gates and an alias put back by the guard, also when a person runs them here.
    """
    ring = KeyRing(identity.keys)
    acting = acting_name(identity, people)
    holders = [one.name for one in people.persons if role in one.roles]
    if acting in holders:
        return signer_for(identity, people)
    here = [name for name in ring.names() if name in holders]
    if len(here) == 1:
        signer = ring.load(here[0])
        return PersonSigner(*trusted_entry(here[0], signer.public_key.keyid, people), signer)
    whose = ", ".join(here) or "nobody"
    raise NotTrusted(
        f"Expected a key on this machine whose holder is {role} ({role.meaning}); found {whose}.",
        mend=f"`slipway identity init {role} --service --role {role} > {role}.pub` makes one; "
        f"`slipway identity trust {role} --service --role {role} --key {role}.pub` trusts it."
        if not here
        else f"Say which: SLIPWAY_IDENTITY__PERSON={here[0]}.",
    )


def acting_name(identity: schema.Identity, people: People) -> str | None:
    """Who would act by these settings, as far as they say; no key is read."""
    if identity.person is not None:
        return identity.person
    if identity.signer is not None:
        holders = {person.name for person, _ in _keys_in(identity.signer, people)}
        return holders.pop() if len(holders) == 1 else None
    names = _who_may_be_meant(KeyRing(identity.keys).names(), people)
    return names[0] if len(names) == 1 else None


def trusted_entry(name: str, keyid: str, people: People) -> tuple[Person, TrustedKey]:
    """The entry of a key on this machine, if it may sign under that name."""
    person, key = people.holder(keyid) or (None, None)
    if person is None or key is None:
        raise NotTrusted(
            f"{people.source} does not know the key of `{name}` on this machine ({keyid}).",
            mend=f"`slipway identity init {name}` shows its public key; a colleague runs "
            f"`slipway identity trust {name} --key FILE`.",
        )
    if person.name != name:
        raise NotTrusted(f"{people.source} says that the key of `{name}` on this machine belongs to `{person.name}`.")
    return person, _unrevoked(person, key)


def _only_name(ring: KeyRing, people: People) -> str:
    """The only name in the key ring that can be meant."""
    names = ring.names()
    if not names:
        raise WrongUse(f"There is no key in {ring.folder}.", mend="`slipway identity init NAME` makes one.")
    meant = _who_may_be_meant(names, people)
    if len(meant) > 1:
        raise WrongUse(
            f"There are several keys in {ring.folder}: {', '.join(names)}.",
            mend=f"Say who acts: SLIPWAY_IDENTITY__PERSON={meant[0]}, or identity.person in slipway.toml.",
        )
    return meant[0]


def _who_may_be_meant(names: Sequence[str], people: People) -> Sequence[str]:
    """Of several: those whom the people file knows, for one folder serves many projects; of these the people.

    Services act where they are named, and so do those who hold nothing but a channel's root.
    """
    if len(names) == 1:
        return names
    known = [one for name in names if (one := people.get(name)) is not None]
    persons = [one for one in known if not one.service and set(one.roles) != {Role.CHANNEL_ROOT}]
    return [one.name for one in persons or known] or names


def _unrevoked(person: Person, key: TrustedKey) -> TrustedKey:
    if key.revoked is not None:
        raise NotTrusted(
            f"The key {key.keyid} of `{person.name}` was revoked ({key.revoked.reason}).",
            mend="Move its file away, make a new key with `slipway identity init`, and have it trusted.",
        )
    return key


def vault_scheme(address: str) -> str:
    """The kind of vault that an address names."""
    scheme = address.partition(":")[0]
    vaults = SIGNER_FOR_URI_SCHEME.keys() - NO_VAULTS
    if scheme not in vaults:
        raise WrongUse(
            f"identity.signer is `{address}`, and `{scheme}:` is no vault.",
            mend=f"{suggestion(scheme, vaults)} For a key in a file leave identity.signer unset.",
        )
    return scheme


def _in_vault(address: str, chosen: str | None, people: People, ask: AskSecret | None) -> PersonSigner:
    scheme = vault_scheme(address)
    person, key = _key_in_vault(address, chosen, people)
    if scheme == AWS:
        bring_aws()
    try:
        return PersonSigner(person, key, Signer.from_priv_key_uri(address, key.public_key(), ask))
    except UnsupportedLibraryError as error:
        extra = EXTRAS.get(scheme)
        install = f"pip install 'securesystemslib[{extra}]'" if extra else "Install the library it asks for."
        raise IdentityError(f"`{address}` cannot be used here: {error}", mend=install) from None
    except Exception as error:  # each vault's library has its own tree of errors
        raise IdentityError(
            f"`{address}` cannot sign with the {key.scheme} key {key.keyid} of `{person.name}`: "
            f"{type(error).__name__}: {error}",
            mend="Check the address, this account's access to the vault, and which key there is.",
        ) from error


def _key_in_vault(address: str, chosen: str | None, people: People) -> tuple[Person, TrustedKey]:
    """Whose key lies at this address: the entry that names it, else the only key of the chosen person."""
    found = [(person, key) for person, key in _keys_in(address, people) if chosen in (None, person.name)]
    if not found and chosen is not None:
        person = people.person(chosen)
        found = [(person, key) for key in person.keys if key.trusted_now() and key.signer is None]
    if len(found) == 1:
        person, key = found[0]
        return person, _unrevoked(person, key)
    whom = f" of `{chosen}`" if chosen else ""
    raise NotTrusted(
        f"{people.source} has {len(found) or 'no'} keys{whom} that could lie at `{address}`, expected one.",
        mend=f"`slipway identity trust NAME --key FILE --signer {address}` says whose it is.",
    )


def _keys_in(address: str, people: People) -> list[tuple[Person, TrustedKey]]:
    """The keys that are said to lie at an address; revoked ones only if there is no other."""
    held = [(person, key) for person in people.persons for key in person.keys if key.signer == address]
    return [(person, key) for person, key in held if key.trusted_now()] or held
