"""Behind the result: waiting for a runner that still has to record its outcome, or doing it for one that was killed."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

from slipway.platform.runs import index
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.presence import Sign, sign_of
from slipway.platform.runs.records import Outcome, State
from slipway.platform.runs.standing import DEADLINE, Here, Standing
from slipway.platform.runs.tracking.catching_up import UNSHIPPED, catch_up
from slipway.platform.runs.tracking.tracker import Tracker, TrackingError
from slipway.platform.store import ObjectMissing, Store


def concluding(store: Store, here: Here, done: Standing) -> bool:
    """Whether the work's owner may still be about to say how it ended."""
    if done.spec is None or done.outcome is not None or done.under_way:
        return False
    if done.place.host == here.host:
        sign = sign_of(here.state, done.spec.nonce)
        if sign is not Sign.UNKNOWN:
            return sign is Sign.HELD
    keys = WorkKeys(done.key).attempt(done.number)
    try:
        return store.age(keys.heartbeat if done.heartbeat else keys.spec) < DEADLINE
    except ObjectMissing:
        return False


def settle(store: Store, open_tracker: Callable[[], Tracker], here: Here, done: Standing) -> str:
    """Do what is missing of work that is done; in words what cannot be done now, or nothing."""
    if done.result is None or done.under_way or concluding(store, here, done):
        return ""
    if done.outcome is None and done.spec is not None:
        _record(store, done)
    return tell_mlflow(store, open_tracker, done.key)


def tell_mlflow(store: Store, open_tracker: Callable[[], Tracker], key: str) -> str:
    """Tell MLflow what it may not know of work that has ended; in words what cannot be told now, or nothing."""
    if key not in {name.removeprefix(UNSHIPPED) for name in store.list(UNSHIPPED + key)}:
        return ""
    try:
        with closing(open_tracker()) as tracker:
            catch_up(store, tracker, key)
    except TrackingError as error:
        return f"MLflow does not know all of it yet: {error}"
    return ""


def _record(store: Store, done: Standing) -> None:
    """The outcome of the last attempt, which ended before it could say so."""
    if done.spec is None or done.result is None:
        return
    mine = done.result.attempt == done.spec.number
    outcome = Outcome(
        state=State.DONE if mine else State.LOST,
        reason="Done; its runner ended before it could say so." if mine else "Its runner ended without an outcome.",
        ended=done.result.finished if mine else datetime.now(UTC),
        seconds=max(0.0, (done.result.finished - done.spec.created).total_seconds()) if mine else 0.0,
        step=done.result.steps if mine else None,
    )
    store.put_if_absent(WorkKeys(done.key).attempt(done.spec.number).outcome, outcome.to_bytes())
    index.note(store, done.key)
