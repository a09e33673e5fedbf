"""The commands that slipway-platform brings."""

from slipway.platform.cli.lazy import CommandSpec

COMMANDS = (
    CommandSpec(
        "doctor", "Check what the current context needs, and say how to mend it.", "slipway.platform.cli.doctor:app"
    ),
    CommandSpec("context", "List, choose and show contexts.", "slipway.platform.cli.context:app"),
    CommandSpec("config", "Show the effective settings and where each comes from.", "slipway.platform.cli.config:app"),
    CommandSpec("identity", "Make keys, show and trust people and services.", "slipway.platform.cli.identity:app"),
    CommandSpec(
        "runs", "List runs: those under way, and the latest that have ended.", "slipway.platform.cli.jobs.runs:app",
        panel="Runs",
    ),
    CommandSpec(
        "show", "Show a run: state, attempts, data, code, metrics, cost so far, where.",
        "slipway.platform.cli.jobs.show:app", panel="Runs",
    ),
    CommandSpec("logs", "Print a run's log, and follow it.", "slipway.platform.cli.jobs.logs:app", panel="Runs"),
    CommandSpec(
        "cancel", "Cancel a run, or only your wish for it.", "slipway.platform.cli.jobs.cancel:app", panel="Runs"
    ),
    CommandSpec(
        "rerun", "Make another attempt at submitted work.", "slipway.platform.cli.jobs.rerun:app", panel="Runs"
    ),
    CommandSpec(
        "targets", "List the places to run jobs: price, devices, free now, typical wait.",
        "slipway.platform.cli.jobs.targets:app", panel="Runs",
    ),
    CommandSpec("jobs", "Look after jobs: reconcile.", "slipway.platform.cli.jobs.jobs:app", panel="Runs"),
    CommandSpec(
        "why",
        "Say why a run ran or was not run again, and what differs from other work.",
        "slipway.platform.cli.runs.why:app",
        panel="Runs",
    ),
    CommandSpec(
        "compare",
        "Compare runs: what went in, metrics with intervals for each slice, curves.",
        "slipway.platform.cli.runs.compare:app",
        panel="Runs",
    ),
    CommandSpec(
        "ledger", "Read, verify and export the list of decisions.", "slipway.platform.cli.ledger:app",
        panel="Registry",
    ),
    CommandSpec(
        "lineage", "Show what a version, run, bundle, snapshot, sample or commit came from, and what came of it.",
        "slipway.platform.cli.lineage:app", panel="Registry",
    ),
)  # fmt: skip
