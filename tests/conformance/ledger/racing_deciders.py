"""Many processes append to one ledger at the same moments.

Argument: JSON with `store`, `s3` (settings), `processes`, `each`. Every process writes decisions of its own and one
that all of them write. Prints what each was told, what a reader finds, and what is wrong with it.
"""

import json
import multiprocessing
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.append(str(Path(__file__).parents[2] / "partners"))

from decided import comment, known
from slipway.platform.identity import People, PersonSigner
from slipway.platform.ledger.ledger import Ledger
from slipway.platform.settings import schema
from slipway.platform.store import open_store

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Barrier

SECONDS = 240
SHARED = "asked for by all"


def opened(task: dict[str, Any], people: People) -> Ledger:
    return Ledger(open_store(schema.Store(**task["store"]), schema.S3(**task["s3"])), people)


def race(task: dict[str, Any], signer: PersonSigner, people: People, start: "Barrier", told: "Queue[Any]") -> None:
    ledger = opened(task, people)
    name = signer.person.name
    nonces = [f"{name} {index}" for index in range(task["each"])]
    nonces.insert(len(nonces) // 2, SHARED)
    start.wait(SECONDS)
    for nonce in nonces:
        actor = "p0" if nonce == SHARED else name
        who = task["first"] if nonce == SHARED else signer
        written = ledger.append(comment(nonce, actor), who)
        told.put((nonce, written.entry.number, written.digest))


def main() -> None:
    task = json.loads(sys.argv[1])
    signers = [known(f"p{index}") for index in range(task["processes"])]
    people = People(tuple(signer.person for signer in signers), "people.toml")
    task["first"] = signers[0]
    forking = multiprocessing.get_context("fork")
    start, told = forking.Barrier(task["processes"]), forking.Queue()
    writers = [forking.Process(target=race, args=(task, signer, people, start, told)) for signer in signers]
    for writer in writers:
        writer.start()
    answers = [told.get(timeout=SECONDS) for _ in range(len(writers) * (task["each"] + 1))]
    for writer in writers:
        writer.join(SECONDS)
    ledger = opened(task, people)
    read = [(one.entry.decision.nonce, one.entry.number, one.digest) for one in ledger.entries()]
    report = ledger.verify()
    json.dump({"told": answers, "read": read, "problems": [one.text for one in report.problems]}, sys.stdout)


if __name__ == "__main__":
    main()
