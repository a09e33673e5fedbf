"""The commands that slipway-serving adds to `slipway`."""

from typing import Final

from slipway.platform.cli.lazy import CommandSpec

COMMANDS: Final[tuple[CommandSpec, ...]] = (
    CommandSpec(
        "channel",
        "Look after what devices follow: init, sign, status, verify, keepalive, rotate-key, export.",
        "slipway.serving.release.cli.channel:app",
        panel="Rollouts",
    ),
    CommandSpec(
        "rollout",
        "Lead a champion to all devices in waves: start, status, advance, pause, resume, undo, history.",
        "slipway.serving.release.cli.rollout:app",
        panel="Rollouts",
    ),
    CommandSpec(
        "rollback",
        "Undo a release: devices, champion and MLflow go back by one decision.",
        "slipway.serving.release.cli.rollback:app",
        panel="Rollouts",
    ),
    CommandSpec(
        "fleet",
        "Look after devices: serve, console, list, show, enrol, revoke, history.",
        "slipway.serving.fleet.cli.fleet:app",
        panel="Fleet",
    ),
    CommandSpec(
        "notices",
        "Show and send what needs a person; silence it for a while.",
        "slipway.serving.fleet.cli.notices:app",
        panel="Fleet",
    ),
)
