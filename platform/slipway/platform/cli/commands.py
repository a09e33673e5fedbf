"""The commands that slipway-platform brings."""

from slipway.platform.cli.lazy import CommandSpec

COMMANDS = (
    CommandSpec(
        "doctor", "Check what the current context needs, and say how to mend it.", "slipway.platform.cli.doctor:app"
    ),
    CommandSpec("context", "List, choose and show contexts.", "slipway.platform.cli.context:app"),
    CommandSpec("config", "Show the effective settings and where each comes from.", "slipway.platform.cli.config:app"),
    CommandSpec(
        "data",
        "Import, commit, move, look at, compare and validate snapshots.",
        "slipway.platform.cli.data:app",
        panel="Data",
    ),
    CommandSpec("identity", "Make keys, show and trust people and services.", "slipway.platform.cli.identity:app"),
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
)
