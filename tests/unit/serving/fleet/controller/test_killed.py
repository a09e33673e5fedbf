"""Controllers that are killed before every second of their writes, and two at once: all is decided once.

The children are forked from the test, so that each is a real process that is really killed.
"""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from planted.leading import Leading, plan
from slipway.platform.ledger.entry import Action
from slipway.platform.store.directory import DirectoryStore
from slipway.serving.fleet.controller import leading as controller

WRITES = ("put", "put_if_absent", "put_file")
DECIDED = (Action.ADVANCE, Action.PAUSE, Action.ROLLBACK)


def child(work: Callable[[], object]) -> int:
    """Run it in a forked process; its id."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)


def ended(process: int) -> int:
    """Exit status, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def dying(place: int) -> None:
    """From here on this process is killed before the write of that number."""
    left = place

    def counted(own: Callable[..., object]) -> Callable[..., object]:
        def write(*args: object, **named: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return own(*args, **named)

        return write

    for name in WRITES:
        setattr(DirectoryStore, name, counted(getattr(DirectoryStore, name)))


@pytest.mark.parametrize(
    ("harm", "action", "told"),
    [({}, Action.ADVANCE, (1, 2)), ({"failing": 0.05}, Action.ROLLBACK, (1, None))],
    ids=["advance", "undo"],
)
def test_killed_before_a_write_it_is_finished_by_the_next_look(
    leading: Leading,
    tmp_path: Path,
    harm: dict[str, float],
    action: Action,
    told: tuple[int | None, int | None],
) -> None:
    vars(leading.fleet).update(harm)
    leading.start(plan())
    leading.site.time.forward(hours=7)
    begun, site = tmp_path / "begun", leading.site.root
    before = len(leading.site.entries(*DECIDED))
    shutil.copytree(site, begun)
    for place in range(1, 100, 2):

        def short_lived(place: int = place) -> None:
            dying(place)
            leading.look()

        status = ended(child(short_lived))
        assert status in (0, -signal.SIGKILL)
        leading.look()
        found = leading.site.entries(*DECIDED)[before:]
        assert [one.entry.decision.action for one in found] == [action]
        assert leading.site.told() == told
        leading.look()
        assert len(leading.site.entries(*DECIDED)) == before + 1
        if status == 0:
            break
        shutil.rmtree(site)
        shutil.copytree(begun, site)
        leading.fleet.took = {name: one for name, one in leading.fleet.took.items() if one[1] < leading.site.time.now()}
    assert place > 3


@pytest.mark.parametrize("harm", [{}, {"failing": 0.05}], ids=["advance", "undo"])
def test_two_controllers_at_once_decide_once(
    leading: Leading, harm: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have judged before either writes."""
    vars(leading.fleet).update(harm)
    leading.start(plan())
    leading.site.time.forward(hours=7)
    before = len(leading.site.entries(*DECIDED))
    read, write = os.pipe()
    own = controller.act

    def together(*args: object) -> object:
        os.write(write, b"x")
        while len(os.read(gate_read, 1)) == 0:
            pass
        return own(*args)  # type: ignore[arg-type]

    gate_read, gate_write = os.pipe()
    monkeypatch.setattr(controller, "act", together)
    processes = [child(leading.look) for _ in range(2)]
    for _ in processes:
        assert os.read(read, 1) == b"x"
    os.write(gate_write, b"gg")
    assert [ended(process) for process in processes] == [0, 0]
    monkeypatch.undo()
    leading.look()
    assert len(leading.site.entries(*DECIDED)) == before + 1
    assert not leading.site.rollout.void
    assert leading.site.told() == ((1, None) if harm else (1, 2))
