"""Controllers that are killed before every second of their writes, and two at once: all is decided once."""

import os
import shutil
from pathlib import Path

import pytest

from forked import child, ended, killed_at
from planted.leading import Leading, plan
from slipway.platform.ledger.entry import Action
from slipway.serving.fleet.controller import leading as controller

DECIDED = (Action.ADVANCE, Action.PAUSE, Action.ROLLBACK)


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
        was_killed = killed_at(place, leading.look)
        leading.look()
        found = leading.site.entries(*DECIDED)[before:]
        assert [one.entry.decision.action for one in found] == [action]
        assert leading.site.told() == told
        leading.look()
        assert len(leading.site.entries(*DECIDED)) == before + 1
        if not was_killed:
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
