"""The channel of a little company: begun with three root keys of the laptop, or the one that is there."""

from typing import TYPE_CHECKING

from slipway.pipelines.local.founding.staff import Staff, Tell, hire_roots

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded


def found_channel(loaded: "Loaded", people: Staff, tell: Tell) -> None:
    """Devices can follow a channel; whose keys sign it is said once and stays so."""
    from slipway.platform.registry.desk import Desk
    from slipway.serving.release import founding
    from slipway.serving.release.opening import open_repository
    from slipway.serving.release.roles import CHANNELS, MODELS, ROOT, SNAPSHOT, TARGETS, TIMESTAMP

    there = open_repository(Desk.of(loaded)).exists()
    roots = () if there else hire_roots(loaded.settings.identity, tell)
    repository = open_repository(Desk.of(loaded))
    service = people.services["rollout"]
    named = {
        ROOT: roots, TARGETS: roots, MODELS: [people.services["flows"], people.person],
        CHANNELS: [service], SNAPSHOT: [service], TIMESTAMP: [service],
    }  # fmt: skip
    done = founding.found(repository, named)
    if not done.was_there:
        tell(f"The channel at {done.place} is {'whole: devices can follow it' if done.whole else 'begun'}.")
    for line in done.waits:
        tell(line)
