"""The site of a little company: its signed configuration says which cameras each device reads.

It is set once, for as many devices as there may be; what somebody has set since stays. `set_cameras` exchanges the
cameras of one device, as an operator would: by an entry of the ledger and a new pointer in the channel, which the
device follows within seconds and without a new start. The cameras of the other devices go on.
"""

from typing import TYPE_CHECKING, Final

from slipway.pipelines.local.founding.cameras import BAY_FPS, USUAL, cameras_of
from slipway.pipelines.local.founding.fleets import DEVICES, SITE, models_and_class
from slipway.pipelines.local.founding.staff import Staff, Tell, acting_as
from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slipway.platform.settings import Loaded
    from slipway.serving.channel.site import SiteConfig, Stream

FIRST: Final = "the first cameras"


def found_sites(loaded: "Loaded", people: Staff, tell: Tell) -> None:
    """The site has a configuration, and its devices are told of it."""
    from slipway.platform.registry.desk import Desk
    from slipway.serving.channel.site import SiteConfig
    from slipway.serving.release.opening import open_repository
    from slipway.serving.release.site_converging import converge_sites
    from slipway.serving.release.sites import load_sites

    desk = Desk.of(loaded)
    if SITE in load_sites(desk):
        converge_sites(desk, open_repository(desk), (SITE,))  # whoever set it may have been killed before that
        return
    models = models_and_class()[0]
    streams = {
        name: stream
        for number, device in enumerate(DEVICES)
        for name, stream in cameras_of(number, device, USUAL, models).items()
    }
    if streams and _configure(acting_as(loaded, people.person), SiteConfig(streams=streams), FIRST):
        tell(f"The site `{SITE}` has cameras: {len(streams)} for up to {len(DEVICES)} devices.")


def set_scenario(loaded: "Loaded", scenario: str, *, reason: str, bay_fps: float = BAY_FPS) -> bool:
    """Every device's cameras show this scenario from now on; whether that is new. Who acts must be an operator.

    A rendered day has up to 52 pictures of a bay, so their rate is also how fast days go by.
    """
    models = models_and_class()[0]
    given = {device: cameras_of(number, device, scenario, models, bay_fps) for number, device in enumerate(DEVICES)}
    return _exchange(loaded, given, reason)


def set_cameras(loaded: "Loaded", device: str, cameras: "Mapping[str, Stream]", *, reason: str) -> bool:
    """A device reads these cameras from now on, and none else; whether that is new. Who acts must be an operator."""
    if device not in DEVICES:
        raise WrongUse(f"`{device}` is no device of the local stack.", mend=suggestion(device, DEVICES))
    return _exchange(loaded, {device: cameras}, reason)


def _exchange(loaded: "Loaded", given: "Mapping[str, Mapping[str, Stream]]", reason: str) -> bool:
    from slipway.platform.registry.desk import Desk
    from slipway.serving.channel.site import SiteConfig
    from slipway.serving.release.sites import load_sites

    there = load_sites(Desk.of(loaded)).get(SITE)
    config = there.newest.config if there and there.newest else SiteConfig()
    kept = {name: one for name, one in config.streams.items() if one.device not in given}
    new = {
        name: one.model_copy(update={"device": device})
        for device, streams in given.items()
        for name, one in streams.items()
    }
    return _configure(loaded, config.model_copy(update={"streams": kept | new}), reason)


def _configure(loaded: "Loaded", config: "SiteConfig", reason: str) -> bool:
    from slipway.platform.registry.desk import Desk
    from slipway.serving.channel.site import SiteConfig
    from slipway.serving.release.configuring import change, setting
    from slipway.serving.release.opening import open_repository

    desk = Desk.of(loaded)
    checked = SiteConfig.model_validate(config.model_dump(mode="json"))
    return not change(desk, open_repository(desk), SITE, setting(checked, None), reason=reason).before
