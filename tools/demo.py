"""`make demo`: run what exists, in a place of its own, and say what happened and where to look.

Everything happens under `.slipway/demo/`, with a HOME that exists only meanwhile: it can be interrupted and repeated,
and touches nobody's keys. Each act is the real command or real processes.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / ".slipway" / "demo"
SLIPWAY = Path(sys.executable).parent / "slipway"
WRITERS = 8
SETTINGS: dict[str, str] = {}
"""What an act sets for itself and those after it."""
SHORT = ("bay-occupancy", "batch=8", "trainer.max_epochs=3", "--snapshot", "data")

RACE = """
import signal, sys
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
from pathlib import Path
from slipway.platform.settings import load
from slipway.platform.store import open_store
settings = load(Path.cwd(), {"HOME": "."}).settings
store = open_store(settings.store, settings.s3)
print("ready", flush=True)
if not sys.stdin.readline():
    sys.exit()
print(store.put_if_absent("demo/" + sys.argv[1], sys.argv[2].encode()).decode())
"""


class DemoFailed(Exception):
    """An act did not end as it must."""


def slipway(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The real command, in the demo's own project and home."""
    return subprocess.run(
        [str(SLIPWAY), *arguments], cwd=PLACE, env=environment(), capture_output=True, text=True, check=True
    )


def environment() -> dict[str, str]:
    """The demo's own home (set by `main`) and nobody else's settings."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("SLIPWAY_")}
    people = f"{os.environ['HOME']}/people.toml"
    return {**others, "SLIPWAY_IDENTITY__PEOPLE": people, "OMP_NUM_THREADS": "1", **SETTINGS}


def doctor() -> tuple[str, str]:
    """Everything the local context needs."""
    report = json.loads(slipway("doctor", "--json").stdout)
    found = [one["status"] for one in report["findings"]]
    counts = ", ".join(f"{found.count(status)} {status}" for status in dict.fromkeys(found))
    return f"{len(found)} checks of this machine: {counts}", "slipway doctor"


def person() -> tuple[str, str]:
    """Somebody makes a key; asked again, the command finds it and changes nothing."""
    first, second = (slipway("identity", "init", "ada", "--role", "approver").stdout for _ in range(2))
    same = "the same public key" if first == second else "ANOTHER public key"
    return f"ada made a signing key and is trusted as approver; asked again, the command gives {same}", (
        "slipway identity init YOUR-NAME   (your key goes to ~/.config/slipway/keys)"
    )


def race() -> tuple[str, str]:
    """Several processes bind one name at once."""
    winner = winner_among(start_writers())
    return f"{WRITERS} processes bound one name at once: {winner} won, and all were told so", look_at_store()


def killed() -> tuple[str, str]:
    """Half of the processes are killed while they race; the name is bound whole all the same."""
    writers = start_writers()
    for victim in writers[::2]:
        victim.send_signal(signal.SIGKILL)
    winner = winner_among(writers)
    return f"{len(writers[::2])} of {WRITERS} racing processes were killed: {winner} stands, whole", look_at_store()


def look_at_store() -> str:
    """Where the records of a race are."""
    return f"ls {PLACE / '.slipway/store/demo'}"


def winner_among(writers: list[subprocess.Popen[str]]) -> str:
    """What every writer that lived to say so was told is bound: the same for all."""
    told = {writer.communicate()[0].strip() for writer in writers} - {""}
    if len(told) != 1:
        raise DemoFailed(f"the writers were told different things: {sorted(told) or 'nothing at all'}")
    return told.pop()


def start_writers() -> list[subprocess.Popen[str]]:
    """Processes that wait until all are ready, then bind one new name at once.

    Each has a session of its own, so that Ctrl-C reaches the demo alone; without it they see the end of their input.
    """
    name = f"race-{time.time_ns()}"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, name, f"writer {number}"],
            cwd=PLACE, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True,
        )
        for number in range(WRITERS)
    ]  # fmt: skip
    ends = [(writer.stdin, writer.stdout) for writer in writers if writer.stdin and writer.stdout]
    for _, ready in ends:
        ready.readline()
    for go, _ in ends:
        go.write("\n")
        go.flush()
    return writers


def train() -> tuple[str, str]:
    """Two people ask for the same training at once."""
    slipway("world", "render", "tiny", "data")
    command = [str(SLIPWAY), "train", *SHORT, "--json"]
    both = [subprocess.Popen(command, cwd=PLACE, env=environment(), stdout=subprocess.PIPE) for _ in range(2)]
    answers = [json.loads(one.communicate()[0]) for one in both]
    names = {answer["name"] for answer in answers}
    if len(names) != 1 or any(answer["state"] != "done" for answer in answers):
        raise DemoFailed(f"they were told {answers}")
    ways = " and ".join(sorted(answer["how"] for answer in answers))
    return (
        f"a training of rendered bays was asked for twice at once: one run, {names.pop()} ({ways})",
        f"cd {PLACE}; {SLIPWAY} train {' '.join(SHORT)}",
    )


def reproduce() -> tuple[str, str]:
    """The run again, from its record alone."""
    name = json.loads(slipway("train", *SHORT, "--json").stdout)["name"]
    found = json.loads(slipway("reproduce", name, "--json").stdout)
    return f"{name} was trained again from its record: {found['told']}", f"cd {PLACE}; {SLIPWAY} why {name}"


def submit() -> tuple[str, str]:
    """A job on two nodes outlives who submitted it; its runner is killed, and reconcile takes the work up again."""
    work = ("bay-occupancy", "batch=8", "trainer.max_epochs=40", f"seed={time.time_ns() // 10**6 % 10**6}")
    told = json.loads(slipway("submit", *work, "--snapshot", "data", "--on", "local", "--nodes", "2", "--json").stdout)
    name = told["name"]
    os.kill(running(name)["place"]["pid"], signal.SIGKILL)
    slipway("jobs", "reconcile")
    ended = json.loads(
        slipway("submit", *work, "--snapshot", "data", "--on", "local", "--nodes", "2", "--wait", "--json").stdout
    )
    states = [one["state"] for one in json.loads(slipway("show", name, "--json").stdout)["attempts"]]
    if ended["state"] != "done" or states[-1] != "done" or len(states) == 1:
        raise DemoFailed(f"{name} is {ended['state']} after attempts that were {', '.join(states)}")
    return (
        f"{name} was submitted to two nodes, its runner was killed, and it was gone on with: {' then '.join(states)}",
        f"cd {PLACE}; {SLIPWAY} show {name}; {SLIPWAY} logs {name}",
    )


def running(name: str) -> dict[str, Any]:
    """How a job stands, as soon as it trains."""
    while True:
        told: dict[str, Any] = json.loads(slipway("show", name, "--json").stdout)
        if told["state"] == "running" and told["attempts"][-1]["step"]:
            return told
        if told["state"] not in {"pending", "running"}:
            raise DemoFailed(f"{name} is {told['state']}: {told['reason']}")
        time.sleep(0.2)


def gate() -> tuple[str, str]:
    """A run is exported and judged; what the gates refuse cannot become a version, and the ledger says so.

    Keys live only as long as the demo, and a ledger is believed by the keys that signed it; so this act has a store.
    """
    own = Path(os.environ["HOME"])
    shutil.copytree(PLACE / ".slipway/store", own / "store")
    SETTINGS.update(
        SLIPWAY_STORE__URL=str(own / "store"),
        SLIPWAY_MLFLOW__TRACKING_URI=f"sqlite:///{own}/mlflow.db",
        SLIPWAY_IDENTITY__PERSON="ada",
    )
    name = json.loads(slipway("train", *SHORT, "--json").stdout)["name"]
    (own / "gates.pub").write_text(slipway("identity", "init", "gates", "--service").stdout)
    trust = ("identity", "trust", "gates", "--service", "--role", "gate-service", "--key", str(own / "gates.pub"))
    slipway(*trust)
    exported = json.loads(slipway("export", name, "--json").stdout)
    judged = refused("gate", exported["bundle"], "--snapshot", "data", "--json")
    failed = [one["name"] for one in json.loads(judged.stdout)["checks"] if one["state"] == "failed"]
    refused("model", "register", exported["bundle"])
    entries = json.loads(slipway("ledger", "verify", "--json").stdout)
    if not failed:
        raise DemoFailed(f"the gates refused {exported['bundle'][:12]} and named no check")
    kinds = f"{len(exported['variants'])} variants"
    happened = f"{name} became a bundle with {kinds}; trained so little, {len(failed)} checks refuse it ({failed[0]})"
    return (
        f"{happened}; it is no version, and the ledger's {entries['entries']} entries say so",
        f"cd {PLACE}; {SLIPWAY} export {name}; {SLIPWAY} gate {name} --snapshot data",
    )


def refused(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command that must say no."""
    command = [str(SLIPWAY), *arguments]
    done = subprocess.run(command, cwd=PLACE, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode != 1:
        raise DemoFailed(f"`slipway {' '.join(arguments)}` was to refuse, and ended with {done.returncode}")
    return done


ACTS: tuple[tuple[str, Callable[[], tuple[str, str]]], ...] = (
    ("doctor", doctor),
    ("identity", person),
    ("store: a race", race),
    ("store: a kill", killed),
    ("train: twice", train),
    ("reproduce", reproduce),
    ("submit: a kill", submit),
    ("gate: a refusal", gate),
)


def main() -> int:
    """Play the acts; the first that fails is named with its command."""
    PLACE.mkdir(parents=True, exist_ok=True)
    (PLACE / "slipway.toml").write_text("# the demo's own project: everything is built in\n")
    times: list[tuple[str, float]] = []
    for name, act in ACTS:
        started = time.monotonic()
        try:
            happened, look = act()
        except subprocess.CalledProcessError as error:
            command = " ".join(map(str, error.cmd))
            print(f"demo: `{command}` ended with {error.returncode}\n{error.stdout}{error.stderr}", file=sys.stderr)
            return 1
        except DemoFailed as error:
            print(f"demo: {name}: {error}", file=sys.stderr)
            return 1
        times.append((name, time.monotonic() - started))
        print(f"{name}: {happened}\n  look: {look}", flush=True)
    print("\nact              seconds")
    for name, seconds in times:
        print(f"{name:<16} {seconds:7.1f}")
    print("\nNot shown: the way of a champion to devices, which docs/how-to/rollouts.md and devices.md tell.")
    return 0


if __name__ == "__main__":
    try:
        with tempfile.TemporaryDirectory(prefix="slipway-demo-") as home:
            os.environ["HOME"] = home
            sys.exit(main())
    except KeyboardInterrupt:
        print("demo: interrupted; `make demo` starts again.", file=sys.stderr)
        sys.exit(130)
