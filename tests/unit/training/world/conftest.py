"""A rendered `tiny`, and small worlds that take no time."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from slipway.platform.data.snapshot import Snapshot
from slipway.training.world import render
from slipway.training.world.rendering import render_scenario
from slipway.training.world.scenarios import Scenario, scenario_of


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """The scenario `tiny`, rendered."""
    folder = tmp_path_factory.mktemp("world") / "tiny"
    render("tiny", folder)
    return Snapshot(folder)


def _shortened(name: str) -> Scenario:
    return replace(
        scenario_of(name),
        days=(("harbour", (1, 0, 1)),),
        sessions=(("noon", "day"), ("dusk", "dusk")),
        vehicles=40,
        visitors=9,
        seconds=16.0,
        burst=2,
        crops=8,
        bays=8,
    )


@pytest.fixture(scope="session")
def shortened() -> Callable[[str], Scenario]:
    """A scenario of which only two short days are left."""
    return _shortened


@pytest.fixture(scope="session")
def short_render(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Snapshot]:
    """A shortened scenario, rendered once."""
    made: dict[str, Snapshot] = {}

    def make(name: str) -> Snapshot:
        if name not in made:
            folder = tmp_path_factory.mktemp("short") / name
            render_scenario(_shortened(name), folder)
            made[name] = Snapshot(folder)
        return made[name]

    return make
