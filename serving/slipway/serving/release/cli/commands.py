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
        "Lead a champion to all devices in waves: start, status, advance, approve, pause, resume, undo, history.",
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
        "freeze",
        "Begin nothing until a moment, for one model or all; undoing stays possible.",
        "slipway.serving.release.cli.freeze:app",
        panel="Rollouts",
    ),
    CommandSpec(
        "site",
        "Say how the devices of a site work: set, show, diff, advance, undo, list, schema.",
        "slipway.serving.release.cli.site:app",
        panel="Fleet",
    ),
    CommandSpec(
        "fleet",
        "Look after devices: serve, console, list, show, enrol, revoke, pin, history.",
        "slipway.serving.fleet.cli.fleet:app",
        panel="Fleet",
    ),
    CommandSpec(
        "incident",
        "Show what changed, what runs where, what is wrong now, and the safest next command.",
        "slipway.serving.fleet.cli.incident:app",
        panel="Fleet",
    ),
    CommandSpec(
        "notices",
        "Show and send what needs a person; silence it for a while.",
        "slipway.serving.fleet.cli.notices:app",
        panel="Fleet",
    ),
)
