"""A token that went astray is withdrawn: it opens nothing, and the history says who did it and why."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from commanding import Run
from fleet_service import FieldDevice, Running, book_of
from slipway.platform.identity import verify
from slipway.serving.bundle.canonical import sha256
from slipway.serving.fleet.cli import tokens
from slipway.serving.fleet.operators import signing

Commanded = tuple[Running, Run]


def test_a_withdrawn_token_opens_nothing_and_the_request_is_kept_as_it_was_signed(fleet: Running) -> None:
    token = fleet.token(device="gate-1", cohorts=["canary"])
    digest = sha256(token.encode())
    code, answer = fleet.send(fleet.operator, "GET", "/v1/tokens")
    assert [(one["digest"], one["device"], one["cohorts"], one["models"]) for one in answer["tokens"]] == [
        (digest, "gate-1", ["canary"], ["parcel"])
    ]
    asked = {"tokens": [digest], "reason": "it lay in the mail"}
    for signer, refused in ((fleet.reader, 403), (fleet.stranger, 401)):
        assert fleet.send(signer, "POST", "/v1/tokens/withdraw", asked)[0] == refused
    assert fleet.send(fleet.operator, "POST", "/v1/tokens/withdraw", asked) == (200, {"withdrawn": 1})
    assert fleet.send(fleet.operator, "POST", "/v1/tokens/withdraw", asked) == (200, {"withdrawn": 0})
    code, answer = FieldDevice(fleet.url, "gate-1").enrol(token)
    assert (code, answer["error"]) == (403, "This token was withdrawn.")
    assert fleet.send(fleet.operator, "GET", "/v1/tokens")[1] == {"tokens": []}
    done = fleet.store.audit("gate-1")[0]
    statement = verify(book_of(fleet.operator), done.signed, signing.STATEMENT).payload
    assert (done.what, done.person, done.about["reason"]) == ("withdraw", "ada", "it lay in the mail")
    assert signing.Statement.model_validate_json(statement).body == sha256(json.dumps(asked).encode())


def test_all_are_withdrawn_or_none(fleet: Running) -> None:
    used, still = fleet.token(), fleet.token()
    assert FieldDevice(fleet.url, "gate-1").enrol(used)[0] == 200
    for wrong, refused in ((sha256(used.encode()), 409), ("0" * 64, 404), ("none", 422)):
        asked = {"tokens": [sha256(still.encode()), wrong], "reason": "x"}
        assert fleet.send(fleet.operator, "POST", "/v1/tokens/withdraw", asked)[0] == refused
    assert FieldDevice(fleet.url, "gate-2").enrol(still)[0] == 200


def test_the_command_names_a_token_by_itself_its_digest_or_how_that_begins(commanded: Commanded) -> None:
    fleet, run = commanded
    texts = [fleet.token(site="harbour") for _ in range(3)]
    digests = [sha256(token.encode()) for token in texts]
    listed = run("fleet", "list", "--tokens")[1]
    assert all(digest[:12] in listed for digest in digests)
    assert "harbour" in listed
    withdraw = ("fleet", "enrol", "--reason", "lost", "--withdraw", digests[0][:12], "--withdraw", texts[1])
    assert run(*withdraw, "--dry-run")[::2] == (0, "This would withdraw 2 tokens. Nothing was changed.\n")
    assert len(fleet.store.tokens()) == 3
    told = json.loads(run(*withdraw, "--json")[1])
    assert told == {"tokens": digests[:2], "withdrawn": 2}
    again = ("fleet", "enrol", "--reason", "lost", "--withdraw", digests[1])
    assert run(*again)[:2] == (0, "They were withdrawn before. Nothing was changed.\n")
    assert [one.digest for one in fleet.store.tokens()] == [digests[2]]
    assert "lost" in run("fleet", "history")[1]


def test_ten_thousand_machines_get_tokens_at_once(commanded: Commanded, tmp_path: Path) -> None:
    fleet, run = commanded
    table = tmp_path / "gates.csv"
    rows = [f"harbour-gate-{n:05},edge-cpu,harbour,canary night,parcel letter" for n in range(10_000)]
    table.write_text("\n".join(("id,class,site,cohorts,models", *rows)))
    until = datetime.now(UTC) + timedelta(days=7)
    made = list(tokens.made(tokens.wishes_in(table, tokens.Wish()), b"root", until))
    body = {"root": b64encode(b"root").decode(), "tokens": [dict(one.body) for one in made]}
    assert fleet.send(fleet.operator, "POST", "/v1/tokens", body) == (200, {"new": 10_000})
    found = fleet.store.tokens()
    assert (len(found), found[0].cohorts) == (10_000, ("canary", "night"))
    code, answer = fleet.send(fleet.operator, "GET", "/v1/history")
    (change,) = answer["changes"]
    assert (code, change["about"]["many"], len(change["about"]["tokens"])) == (200, 10_000, 100)
    assert "10000 made" in run("fleet", "history")[1]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--withdraw", "00000000"), "No open token begins with 00000000"),
        (("--withdraw", "gate-1"), "is no token"),
        (("--withdraw", "sw1-x"), "is no token"),
        (("--withdraw", "00000000", "--site", "harbour"), "goes with --reason and with nothing"),
        (("--site", "harbour"), "goes with --reason and with nothing"),
    ],
)
def test_what_cannot_be_withdrawn_is_told(commanded: Commanded, arguments: tuple[str, ...], why: str) -> None:
    _, run = commanded
    code, _, err = run("fleet", "enrol", "--reason", "lost", *arguments)
    assert (code, why in err) == (2, True), err
    code, _, err = run("fleet", "enrol", "--withdraw", "0" * 64)
    assert (code, "takes a reason" in err) == (2, True), err
