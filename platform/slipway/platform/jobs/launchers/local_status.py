"""From what is known of each node's runner to what the launcher says of the job: a pure function, and the looking."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from slipway.platform.jobs.launchers.contract import NodeStatus, Phase, Status
from slipway.platform.jobs.launchers.local_job import Files, Life
from slipway.platform.runs.layout import AttemptKeys
from slipway.platform.runs.records import Begun, Cause, Heartbeat, Outcome, State
from slipway.platform.store import ObjectMissing, Store

LAST_WORDS: Final = 2000
"""Bytes of a runner's output that say why it never began."""


@dataclass(frozen=True)
class NodeSeen:
    """One node's runner."""

    node: int
    life: Life
    begun: bool = False
    outcome: Outcome | None = None
    printed: str = ""
    """Its last words, where it ended before it began."""
    silent: timedelta = timedelta(0)
    """Since its last sign of life, where it ended without an outcome."""


def see(store: Store, keys: AttemptKeys, files: Files, node: int, *, held: bool = False) -> NodeSeen:
    """Look at a node; `held` means that the lock is the caller's own."""
    outcome = Outcome.load(store, keys.outcome)
    begun = outcome is not None or Begun.load(store, keys.begun) is not None
    life = _life_held(files, node, recorded=begun) if held else files.life(node, recorded=begun)
    over = life is Life.OVER
    printed = _last(files.printed(node)) if over and not begun else ""
    silent = _silent(store, keys) if over and begun and outcome is None else timedelta(0)
    return NodeSeen(node, life, begun, outcome, printed, silent)


def judge(seen: Sequence[NodeSeen], *, rebooted: bool, host: str) -> Status:
    """The status of the job."""
    nodes = tuple(_node(one, host) for one in seen)
    first = seen[0]
    if any(one.life is Life.LIVES for one in seen):
        if first.life is Life.NONE:
            return Status(Phase.ABSENT, "Only some of its nodes were started.", nodes=nodes)
        phase = Phase.RUNNING if first.begun else Phase.PENDING
        return Status(phase, "" if first.begun else "its process is starting", nodes=nodes)
    if all(one.life is Life.NONE for one in seen):
        return Status(Phase.ABSENT, nodes=nodes)
    if first.outcome is not None:
        return Status(
            Phase.ENDED, first.outcome.reason, first.outcome.cause, first.outcome.exit_code, nodes=nodes, node=0
        )
    return _ended(seen, nodes, rebooted=rebooted, host=host)


def _ended(seen: Sequence[NodeSeen], nodes: tuple[NodeStatus, ...], *, rebooted: bool, host: str) -> Status:
    """How a job ended whose first node could record nothing: what another node recorded, or who was silent first."""
    over = [one for one in seen if one.life is Life.OVER]
    for one in over:
        told = one.outcome
        if told is not None and told.state is not State.DONE:
            words = f"{_named(one, seen)}: {told.reason}"
            return Status(Phase.ENDED, words, told.cause or Cause.EXIT_CODE, told.exit_code, nodes, one.node)
    silent = [one for one in over if one.begun and one.outcome is None]
    if rebooted or silent:
        first = max(silent or over, key=lambda one: one.silent)
        words = f"{host} was started anew." if rebooted else f"{_named(first, seen)} is gone; it left no word."
        return Status(Phase.ENDED, words, Cause.LOST, nodes=nodes, node=first.node)
    first = next((one for one in over if one.printed), over[0])
    last = f" Its last words: {first.printed}" if first.printed else ""
    words = f"{_named(first, seen)} ended before it began.{last}"
    cause = Cause.EXIT_CODE if first.printed else Cause.LOST  # one that fails says why
    return Status(Phase.ENDED, words, cause, nodes=nodes, node=first.node)


def _node(one: NodeSeen, host: str) -> NodeStatus:
    living = Phase.RUNNING if one.begun else Phase.PENDING
    phase = {Life.LIVES: living, Life.OVER: Phase.ENDED, Life.NONE: Phase.ABSENT}[one.life]
    words = one.outcome.reason if one.outcome else one.printed
    return NodeStatus(one.node, phase, words, one.outcome.exit_code if one.outcome else None, host)


def _named(one: NodeSeen, seen: Sequence[NodeSeen]) -> str:
    return "Its process" if len(seen) == 1 else f"The process of node {one.node}"


def _life_held(files: Files, node: int, *, recorded: bool) -> Life:
    """As `Files.life`, for who has the lock itself."""
    return Life.OVER if recorded or files.pid(node) or files.printed(node) else Life.NONE


def _silent(store: Store, keys: AttemptKeys) -> timedelta:
    try:
        return store.age(keys.heartbeat if Heartbeat.load(store, keys.heartbeat) else keys.begun)
    except ObjectMissing:
        return timedelta(0)


def _last(printed: bytes) -> str:
    return printed[-LAST_WORDS:].decode(errors="replace").strip()
