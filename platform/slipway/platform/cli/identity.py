"""`slipway identity`: make a key, show who is trusted, trust someone, revoke a key.

Standard output carries results only, so that `slipway identity init ada > ada.pub` writes what a colleague needs.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.cli.output import DryRun, Json, Yes, print_fields, print_json, print_table, say
from slipway.platform.cli.session import confirm_change, load_settings

if TYPE_CHECKING:
    from datetime import datetime

    from securesystemslib.signer import SSlibKey

    from slipway.platform.identity import People
    from slipway.platform.identity.introduction import Introduction
    from slipway.platform.identity.people_changes import Trust
    from slipway.platform.identity.people_store import Change
    from slipway.platform.settings import Loaded

app = typer.Typer(add_completion=False, help="Make keys, show and trust people and services.")

LARGEST_BLOCK = 64 * 1024
"""Bytes that are read of what is said to be a public key."""


def _role_names() -> list[str]:
    from slipway.platform.identity.roles import Role

    return [role.value for role in Role]


Name = Annotated[str, typer.Argument(help="A person's or service's name, such as `ada`.")]
Roles = Annotated[
    list[str] | None, typer.Option("--role", help="A role to give; may be repeated.", autocompletion=_role_names)
]
FullName = Annotated[str | None, typer.Option("--full-name", help="The name that people know.")]
Email = Annotated[str | None, typer.Option("--email", help="Where to reach them.")]
Service = Annotated[bool, typer.Option("--service", help="This is a service, not a person.")]


@app.command()
def init(
    name: Name,
    role: Roles = None,
    full_name: FullName = None,
    email: Email = None,
    service: Service = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Make your key on this machine and print its public half, to hand to a colleague.

    Where nobody is trusted yet, you are from then on: as trainer, unless --role says otherwise. A second run changes
    nothing and prints the same.
    """
    from slipway.platform.identity.introduction import introduce
    from slipway.platform.identity.key_ring import KeyRing
    from slipway.platform.identity.keys import block_of
    from slipway.platform.identity.people_store import PeopleStore

    loaded = load_settings()
    _refuse_vault(loaded, name)
    identity = loaded.settings.identity
    wanted = _trust(name, role or ([] if service else ["trainer"]), full_name, email, service)
    store = PeopleStore(identity.people)
    if dry_run:
        known = name in KeyRing(identity.keys).names()
        say(f"This would {'use the key of' if known else 'make a key of'} `{name}` in {identity.keys}.")
        say(f"It would {'trust it' if not store.people().persons else 'change nothing'} in {store.path}.")
        return
    if not store.people().persons:
        confirm_change(loaded, f"trust `{name}` as the first one in {identity.people}", yes)
    ring = KeyRing(identity.keys)
    found = introduce(ring, store, wanted, _now())
    say(f"{'Made' if found.key_made else 'There is'} a key of `{name}` in {identity.keys}: keyid {found.key.keyid}")
    for remark in _standing(found, wanted, store.people(), given_roles=role or []):
        say(remark)
    if identity.person is None and len(ring.names()) > 1:
        say(f"Several keys are here now: set identity.person, or SLIPWAY_IDENTITY__PERSON={name}, to say who acts.")
    typer.echo(block_of(found.key), nl=False)


@app.command()
def show(
    name: Annotated[str | None, typer.Argument(help="Only this person or service, with all that is known.")] = None,
    json: Json = False,
) -> None:
    """Show who is trusted here, with roles and keys; the one who acts is marked with `*`."""
    from slipway.platform.identity import load_people
    from slipway.platform.identity.description import as_data, as_fields
    from slipway.platform.identity.signers import acting_name

    identity = load_settings().settings.identity
    people = load_people(identity.people)
    acting = acting_name(identity, people)
    if name is None:
        _show_all(people, acting, json)
    elif json:
        print_json(as_data(people.person(name), acting))
    else:
        print_fields(as_fields(people.person(name), acting))


@app.command()
def trust(
    name: Name,
    key: Annotated[
        typer.FileBinaryRead | None,
        typer.Option("--key", help="Their public key as `init` printed it; `-` reads standard input."),
    ] = None,
    role: Roles = None,
    full_name: FullName = None,
    email: Email = None,
    service: Service = False,
    signer: Annotated[
        str | None, typer.Option("--signer", metavar="ADDRESS", help="The vault that holds the private half.")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Trust someone's key, give roles, or both.

    Compare the keyid with its owner by another way than the one the key came by.
    """
    from slipway.platform.identity.keys import public_key_from_block
    from slipway.platform.identity.people_changes import trusting
    from slipway.platform.identity.signers import vault_scheme

    loaded = load_settings()
    if signer is not None:
        vault_scheme(signer)
    public = None if key is None else public_key_from_block(key.read(LARGEST_BLOCK), key.name)
    wanted = _trust(name, role or [], full_name, email, service, public, signer)
    now = _now()
    _change(loaded, _described(wanted), lambda people: trusting(people, wanted, now), dry_run=dry_run, yes=yes)


@app.command()
def revoke(
    keyid: Annotated[str, typer.Argument(help="The key, by the first 8 digits of its keyid or more.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for everyone who meets this key later.")],
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="Since when it counts for nothing, if not from now on."),
    ] = None,
    entry: Annotated[
        int | None,
        typer.Option(min=0, metavar="NUMBER", help="The ledger's newest entry that it may have signed."),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Revoke a key.

    Nothing new that it signs is accepted any more, and nothing that it signed from that time on.
    """
    from slipway.platform.identity import load_people
    from slipway.platform.identity.people_changes import named_key, revocation, revoking

    loaded = load_settings()
    person, found = named_key(load_people(loaded.settings.identity.people), keyid)
    revoked = revocation(at, reason, _now(), entry)
    _change(
        loaded,
        f"revoke the key {found.keyid} of `{person.name}`",
        lambda people: revoking(people, found.keyid, revoked),
        dry_run=dry_run,
        yes=yes,
    )
    if entry is None and (found.revoked is None or found.revoked.entry is None):
        _tell_head(loaded, found.keyid)


def _tell_head(loaded: "Loaded", keyid: str) -> None:
    """A thief can write an earlier date into an entry, but not an earlier number."""
    from slipway.platform.errors import SlipwayError
    from slipway.platform.ledger.heads import find_head, noted_head
    from slipway.platform.store import open_store

    try:
        store = open_store(loaded.settings.store, loaded.settings.s3)
        noted = noted_head(store)
        head = find_head(store, noted.number if noted else 0)
    except SlipwayError as error:
        say(f"The ledger cannot be asked for its newest number, which --entry names: {error}")
        return
    if head:
        say(
            f"Whoever holds the key can still write an earlier date into the ledger, which ends with entry {head}.\n"
            f'  `slipway identity revoke {keyid[:8]} --reason "…" --entry {head}` says that nothing after it counts; '
            "if newer ones of this key are not its owner's, name the last that is."
        )


def _now() -> "datetime":
    from datetime import UTC, datetime

    return datetime.now(UTC).replace(microsecond=0)


def _refuse_vault(loaded: "Loaded", name: str) -> None:
    """A key in a file would be of no use where a vault signs."""
    from slipway.platform.errors import WrongUse

    address = loaded.settings.identity.signer
    if address is not None:
        raise WrongUse(
            f"The context `{loaded.context}` signs with the vault at `{address}`; a key in a file would not be used.",
            mend=f"`slipway identity trust {name} --key FILE --signer {address}` takes the vault's public key.",
        )


def _trust(
    name: str,
    roles: list[str],
    full_name: str | None,
    email: str | None,
    service: bool,
    key: "SSlibKey | None" = None,
    signer: str | None = None,
) -> "Trust":
    """The options of a command as a wish, with its role names checked."""
    from slipway.platform.identity.people_changes import Trust
    from slipway.platform.identity.roles import role_named

    return Trust(
        name=name,
        key=key,
        signer=signer,
        roles=tuple(role_named(role) for role in roles),
        full_name=full_name,
        email=email,
        service=service,
    )


def _standing(found: "Introduction", wanted: "Trust", people: "People", given_roles: list[str]) -> list[str]:
    """What someone who has a key now should know about being trusted."""
    if found.entry_made:
        roles = ", ".join(wanted.roles) or "without a role"
        return [f"`{wanted.name}` is the first one trusted in {people.source}: {roles}."]
    holder = people.holder(found.key.keyid)
    if holder is not None and holder[1].revoked is not None:
        return [
            f"This key was revoked ({holder[1].revoked.reason}): nothing that it signs counts.",
            f"  Move {wanted.name}.pem away, run `slipway identity init {wanted.name}`, and have the new key trusted.",
        ]
    if not found.trusted:
        options = "".join(f" --role {role}" for role in given_roles)
        return [
            f"{people.source} does not trust it yet. Hand the block to a colleague, who runs:",
            f"  slipway identity trust {wanted.name} --key FILE{options}",
        ]
    missing = [role for role in given_roles if role not in people.person(wanted.name).roles]
    return [f"A role is given with `slipway identity trust {wanted.name} --role {role}`." for role in missing]


def _described(wanted: "Trust") -> str:
    """A wish in words, for the question and the answer."""
    words = [f"trust `{wanted.name}`"]
    if wanted.key is not None:
        words.append(f"with the key {wanted.key.keyid}")
    if wanted.roles:
        words.append(f"as {', '.join(wanted.roles)}")
    return " ".join(words)


def _change(loaded: "Loaded", what: str, change: "Change", *, dry_run: bool, yes: bool) -> None:
    """Show what a change of the people file would be, or ask and make it."""
    from slipway.platform.identity.people_store import PeopleStore

    store = PeopleStore(loaded.settings.identity.people)
    difference = store.preview(change)
    if not difference:
        say(f"Nothing to do: {store.path} says so already.")
    elif dry_run:
        typer.echo(difference, nl=False)
        say(f"This would {what}. Nothing was changed.")
    else:
        confirm_change(loaded, what, yes)
        store.update(change)
        say(f"Done: {what}, in {store.path}.")


def _show_all(people: "People", acting: str | None, json: bool) -> None:
    from slipway.platform.identity.description import as_data, as_row

    if json:
        entries = [as_data(person, acting) for person in people.persons]
        print_json({"file": people.source, "acting": acting, "people": entries})
        return
    rows = [as_row(person, acting) for person in people.persons]
    print_table(["", "name", "full name", "kind", "roles", "keys"], rows)
    if not rows:
        say(f"Nobody is trusted in {people.source} yet: `slipway identity init NAME`.")
    elif acting is not None and people.get(acting) is None:
        say(f"`{acting}` acts here and is not trusted: `slipway identity init {acting}` says what to do.")
