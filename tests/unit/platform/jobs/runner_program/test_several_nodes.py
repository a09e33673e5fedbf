"""Two nodes of one attempt, each with a runner and a workplace of its own, and every way in which one of them ends."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from slipway.platform.jobs.runner.nodes import look
from slipway.platform.jobs.spec import LEFT, Limits
from slipway.platform.runs.attempts import begin
from slipway.platform.runs.presence import Presence
from slipway.platform.runs.records import Begun, Cause, Meeting, Outcome, Place, State

pytestmark = pytest.mark.timeout(240)

Yard = Any
Eventually = Callable[[Callable[[], bool]], None]


LIVELY = """
import json, os, threading, time
release = json.load(open('order.json'))['arguments']['release']
def beat():
    while not (os.path.exists(release + '.waiting') and os.path.exists(release + '.waiting-1')):
        open('journal.jsonl', 'a').write(json.dumps({'kind': 'note', 'text': 'on the way'}) + chr(10))
        time.sleep(0.1)
threading.Thread(target=beat, daemon=True).start()
"""
"""Makes progress until the processes of both nodes stand still."""


def two(yard: Yard, **arguments: Any) -> None:
    """Both nodes of the next attempt."""
    yard.assign(nodes=2, processes=2, **arguments)
    yard.start(0)
    yard.start(1)


def waiting(yard: Yard, eventually: Eventually) -> None:
    """A trainer of each node stands still."""
    eventually(lambda: all(len(trainers(yard, node)) == 1 for node in (0, 1)) or ended(yard))
    mark = Path(f"{yard.desk.release()}.waiting")
    eventually(lambda: mark.exists() or ended(yard))
    assert not ended(yard), [node.communicate() for node in yard.nodes]


def ended(yard: Yard) -> bool:
    """Whether a node's runner has ended."""
    return any(node.poll() is not None for node in yard.nodes[-2:])


def trainers(yard: Yard, node: int) -> list[psutil.Process]:
    """The processes that train on a node."""
    place = f"-node{node}/" if node else f"{yard.desk.key[:15]}/"
    return [one for one in yard.leftovers() if "RANK" in one.environ() and any(place in word for word in one.cmdline())]


def codes(yard: Yard) -> list[int]:
    """How the nodes of the last attempt ended."""
    printed = [node.communicate()[0] for node in yard.nodes[-2:]]
    found = [node.returncode for node in yard.nodes[-2:]]
    assert all(code is not None for code in found)
    yard.printed = printed
    return found


def outcome(yard: Yard, node: int = 0) -> Outcome:
    """What is recorded of a node's part."""
    found = Outcome.load(yard.desk.store, yard.keys.node(node).outcome)
    assert found is not None
    return found


def unrecorded(yard: Yard) -> bool:
    """Whether nobody said how the attempt ended."""
    return Outcome.load(yard.desk.store, yard.keys.outcome) is None


def meeting(yard: Yard) -> Meeting:
    """What the first node told the others."""
    found = Meeting.load(yard.desk.store, yard.keys.meeting)
    assert found is not None
    return found


def workplace(yard: Yard, node: int) -> str:
    """Where a node worked."""
    found = Begun.load(yard.desk.store, yard.keys.node(node).begun)
    assert found is not None
    return found.place.workplace


def test_two_nodes_train_together_each_in_a_workplace_of_its_own(yard: Yard) -> None:
    two(yard)
    assert codes(yard) == [0, 0], yard.printed
    after = yard.standing()
    assert after.state is State.DONE
    assert "rank 0 resumes from None" in yard.log(0)
    assert "rank 1 resumes from None" in yard.log(1)
    assert workplace(yard, 1) == f"{workplace(yard, 0)}-node1"
    assert outcome(yard, 1).state is State.DONE
    assert meeting(yard).address.startswith("127.0.0.1:")
    assert meeting(yard).resume is None


def test_sigterm_on_one_node_ends_both_behind_a_checkpoint_and_another_attempt_goes_on_on_both(
    yard: Yard, eventually: Eventually
) -> None:
    two(yard, wait_at=3)
    waiting(yard, eventually)
    eventually(lambda: bool(list(yard.desk.store.list(f"{yard.keys.checkpoints}step-00000002.ckpt.json"))))
    yard.nodes[1].send_signal(signal.SIGTERM)
    assert codes(yard) == [75, 75], yard.printed
    assert (outcome(yard).state, outcome(yard).cause) == (State.RESUMABLE, Cause.EVICTED)
    two(yard)
    assert codes(yard) == [0, 0], yard.printed
    resumed = meeting(yard).resume
    assert resumed is not None
    name = f"step-{resumed[1]:08d}.ckpt"
    assert name in yard.log(0)
    assert name in yard.log(1)
    assert yard.standing().result.metrics == {"test/accuracy": 0.5}


def test_a_killed_runner_of_a_further_node_leaves_the_attempt_to_others(yard: Yard, eventually: Eventually) -> None:
    two(yard, wait_at=3)
    waiting(yard, eventually)
    yard.nodes[1].kill()
    assert codes(yard) == [LEFT, -signal.SIGKILL], yard.printed
    assert unrecorded(yard)
    assert yard.standing().state is State.LOST
    assert "process on" in yard.printed[0]


def test_a_killed_first_runner_ends_the_others(yard: Yard, eventually: Eventually) -> None:
    two(yard, wait_at=3)
    waiting(yard, eventually)
    yard.nodes[0].kill()
    assert codes(yard) == [-signal.SIGKILL, LEFT], yard.printed
    assert unrecorded(yard)
    assert outcome(yard, 1).state is State.LOST


def test_a_killed_trainer_of_a_further_node_is_the_attempts_failure(yard: Yard, eventually: Eventually) -> None:
    two(yard, wait_at=3)
    waiting(yard, eventually)
    trainers(yard, 1)[0].kill()
    assert codes(yard) == [1, 1], yard.printed
    assert outcome(yard).state is State.FAILED
    assert "Node 1: The training was ended by SIGKILL" in outcome(yard).reason


def test_a_node_that_cannot_prepare_ends_all_and_says_why(yard: Yard) -> None:
    yard.assign(nodes=2, processes=2)
    yard.start(0)
    yard.start(1, SLIPWAY_DATA__REMOTE="nowhere", SLIPWAY_DATA__CACHE="another-cache")
    assert codes(yard) == [1, 1], yard.printed
    assert outcome(yard).state is State.FAILED
    assert "Node 1: The remote" in outcome(yard).reason


def test_a_failure_on_a_further_node_is_the_attempts_with_its_traceback(yard: Yard) -> None:
    load = "import os\nif os.environ['RANK'] == '1': raise LookupError('no such row')"
    two(yard, wait_at=2, load=load)
    assert codes(yard) == [1, 1], yard.printed
    assert "Node 1" in outcome(yard).reason
    assert "no such row" in json.dumps(outcome(yard).model_dump(mode="json"))


def test_a_node_without_the_others_gives_up_after_its_patience(yard: Yard) -> None:
    yard.assign(nodes=2, processes=2)
    alone = yard.start(0, SLIPWAY_JOBS__PENDING_SECONDS="3")
    printed, _ = alone.communicate()
    assert alone.returncode == LEFT
    assert "Node 1 did not begin within 3 s" in printed
    assert unrecorded(yard)
    yard.assign(nodes=2, processes=2)
    late = yard.start(1, SLIPWAY_JOBS__PENDING_SECONDS="1")
    printed, _ = late.communicate()
    assert late.returncode == LEFT, printed
    assert "The first node did not begin within 1 s" in printed


def test_a_node_of_another_machine_is_gone_when_it_is_silent_past_the_deadline(yard: Yard) -> None:
    spec = yard.assign(nodes=2, processes=2)
    store, here = yard.desk.store, yard.here
    own = begin(store, yard.desk.key, 1, Place(host="a"), Presence(here.state, spec.nonce))
    other = Presence(here.state, spec.nonce_of(1))
    part = begin(store, yard.desk.key, 1, Place(host="b"), other, node=1)
    part.beat()
    assert look(own, store, 1, waited=0.0, patience=0.0).gone == ""
    own.deadline = 0.0
    assert "on b is silent for" in look(own, store, 1, waited=0.0, patience=0.0).gone
    part.finish(Outcome(state=State.FAILED, reason="x", ended=spec.created, seconds=0.0))
    assert look(own, store, 1, waited=0.0, patience=0.0).gone == ""
    part.close()
    own.close()


def test_a_stalled_attempt_says_where_the_processes_of_all_nodes_stand(yard: Yard, eventually: Eventually) -> None:
    two(yard, wait_at=2, load=LIVELY, limits=Limits(stall_seconds=12))
    assert codes(yard) == [1, 1], yard.printed
    told = outcome(yard)
    assert (told.state, told.cause) == (State.FAILED, Cause.STALLED)
    here, _, there = told.traceback.partition("On node 1:")
    assert "rank 0" in here
    assert "rank 1" in there
    assert all("fake/training.py" in stacks for stacks in (here, there))
    eventually(lambda: not trainers(yard, 1))


def test_what_all_nodes_have_used_is_the_attempts(yard: Yard) -> None:
    """The second rank works, the first one waits for it."""
    spin = "import os, time\nwhile os.environ['RANK'] == '1' and time.process_time() < 3: pass"
    two(yard, load=spin)
    assert codes(yard) == [0, 0], yard.printed
    other = outcome(yard, 1)
    assert other.cpu_seconds >= 3
    assert outcome(yard).cpu_seconds > other.cpu_seconds
    assert outcome(yard).memory_peak >= other.memory_peak > 0
