"""The fleet's components: who acts in each, by which settings; and which devices there are."""

import os
import time
from collections.abc import Callable

import pytest

from little_company import USER, Laptop
from slipway.pipelines.local.component import Component
from slipway.pipelines.local.fleet import PLAN, components
from slipway.pipelines.local.founding import fleets
from slipway.pipelines.local.founding.agent import environ_of, program_of
from slipway.pipelines.local.founding.cameras import BAYS, TRUTH, cameras_of
from slipway.pipelines.local.founding.fleets import device_wanted, devices_wanted, models_and_class
from slipway.pipelines.local.place import STACK
from slipway.pipelines.local.ports import Ports
from slipway.platform.errors import WrongUse
from slipway.serving.release.plan import FORM

Founded = Callable[..., Laptop]
WHO = "SLIPWAY_IDENTITY__PERSON"


def parts(laptop: Laptop, agents: int = 3) -> dict[str, Component]:
    found = components(laptop.place, laptop.loaded, Ports(laptop.place.folder / "ports.json"), agents=agents)
    return {one.name: one for one in found}


def test_each_acts_as_the_one_whose_work_it_is(founded: Founded) -> None:
    found = parts(founded())
    assert list(found) == ["channel", "fleet", "controller", "north-1", "north-2", "north-3"]
    who = {name: one.environ.get(WHO) for name, one in found.items()}
    assert who == {"channel": None, "fleet": "fleet", "controller": "rollout"} | dict.fromkeys(list(found)[3:], USER)
    assert all(set(one.after) <= set(found) for one in found.values())


def test_all_of_them_and_all_commands_mean_the_same_addresses(founded: Founded) -> None:
    found = parts(founded())
    settings = {name: value for one in found.values() for name, value in one.settings.items()}
    assert settings["fleet.url"] == found["fleet"].address == f"http://127.0.0.1:{settings['fleet.port']}"
    for name in ("fleet", "controller", "north-1"):
        environ = found[name].environ
        assert environ["SLIPWAY_FLEET__URL"] == settings["fleet.url"]
        assert environ["SLIPWAY_CHANNEL__PUBLIC_URL"] == settings["channel.public_url"]


def test_an_address_and_a_plan_of_the_project_are_left_alone(founded: Founded) -> None:
    named = {"SLIPWAY_CHANNEL__PUBLIC_URL": "https://cdn.example/channel", "SLIPWAY_FLEET__PLAN": "ours.yaml"}
    laptop = founded(**named)
    settings = {name: value for one in parts(laptop).values() for name, value in one.settings.items()}
    assert settings["channel.public_url"] == "https://cdn.example/channel"
    assert settings["fleet.plan"] == str(laptop.root / "ours.yaml")


def test_the_usual_plan_begins_with_the_first_device_and_ends_with_all(founded: Founded) -> None:
    settings = {name: value for one in parts(founded()).values() for name, value in one.settings.items()}
    assert settings["fleet.plan"] == str(PLAN)
    plan = FORM.read(PLAN)
    first = plan.waves[0].wave
    assert [one.id for one in devices_wanted(3) if first.includes(one.id, frozenset(one.cohorts))] == ["north-1"]


def test_an_agent_is_healthy_when_the_service_has_heard_of_it_of_late(founded: Founded) -> None:
    laptop = founded()
    agent = parts(laptop)["north-1"]
    assert "not heard of it yet" in agent.ready()
    home = laptop.place.folder / "devices" / "north-1"
    home.mkdir(parents=True)
    (home / "reached").touch()
    assert agent.ready() == ""
    os.utime(home / "reached", (time.time() - 600, time.time() - 600))
    assert "for 600 s" in agent.ready()


def test_an_agent_has_nothing_of_the_project_but_its_folder(laptop: Laptop) -> None:
    device = device_wanted("north-2")
    home = laptop.place.folder / "devices" / "north-2"
    environ = {WHO: "ada", "SLIPWAY_FLEET__DATABASE": "x", STACK: "here", "HOME": "/home/ada"}
    left = environ_of(laptop.place, device, environ)
    assert {name for name in left if name.startswith("SLIPWAY_")} == {STACK, TRUTH}
    assert str(home) in program_of(laptop.place, device)


def test_devices_follow_what_their_class_can_run() -> None:
    models, device_class = models_and_class()
    assert device_class == "edge-cpu"
    assert {BAYS, "vehicle-detect", "vehicle-reid"} <= set(models)
    assert [one.models for one in devices_wanted(2)] == [models, models]
    with pytest.raises(WrongUse, match="up to 12 agents; found 13"):
        devices_wanted(13)
    with pytest.raises(WrongUse, match="`south-1` is no device"):
        device_wanted("south-1")


def test_where_no_model_runs_on_a_plain_processor_there_are_no_agents(
    founded: Founded, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop = founded()
    monkeypatch.setattr("slipway.platform.models.finder.installed_models", dict)
    assert list(parts(laptop)) == ["channel", "fleet", "controller"]
    assert fleets.models_and_class() == ((), "edge-cpu")


@pytest.mark.parametrize("scenario", ["baseline", "night-shift"])
def test_every_camera_of_every_device_shows_something(scenario: str) -> None:
    from slipway.serving.runtime.cameras.opening import open_source

    models = models_and_class()[0]
    for number, device in enumerate(fleets.DEVICES[:3]):
        for name, stream in cameras_of(number, device, scenario, models).items():
            source = open_source(name, f"{stream.source}&frames=1", tell=lambda _: None)
            shape = next(iter(source.frames())).image.shape
            source.close()
            assert shape == ((64, 64, 3) if stream.model == BAYS else (240, 320, 3))


def test_a_model_that_is_not_here_gets_no_camera() -> None:
    assert cameras_of(0, "north-1", "baseline", ["parcel"]) == {}
    assert [one.detect for one in cameras_of(0, "north-1", "baseline", ["vehicle-detect"]).values()] == [
        "vehicle-detect"
    ]
