"""Trust people one after the other: `trust_many.py PEOPLE_FILE NAME...`. Waits for a line before it starts."""

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from securesystemslib.signer import CryptoSigner

from slipway.platform.identity.people_changes import Trust, trusting
from slipway.platform.identity.people_store import PeopleStore

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)

path, *names = sys.argv[1:]
store = PeopleStore(Path(path))
wishes = [Trust(name=name, key=CryptoSigner.generate_ed25519().public_key) for name in names]
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
for wish in wishes:
    assert store.update(partial(trusting, trust=wish, since=NOW))
