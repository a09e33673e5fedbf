"""The commands that slipway-pipelines adds to `slipway`."""

from typing import Final

from slipway.platform.cli.lazy import CommandSpec

COMMANDS: Final[tuple[CommandSpec, ...]] = (
    CommandSpec(
        "backup",
        "Copy stores, databases and channel to another place, while they are in use.",
        "slipway.pipelines.cli.backup:app",
        panel="Operation",
    ),
    CommandSpec(
        "data",
        "Import, label, commit, move, look at, compare and validate snapshots.",
        "slipway.pipelines.cli.data:app",
        panel="Data",
    ),
    CommandSpec(
        "flow",
        "Run flows, see what they would do and cost, list them.",
        "slipway.pipelines.cli.flow:app",
        panel="Flows",
    ),
    CommandSpec(
        "local",
        "MLflow, Airflow and a small fleet on this machine: up, down, status, open.",
        "slipway.pipelines.cli.local:app",
        panel="Operation",
    ),
    CommandSpec(
        "model",
        "List, show, register, review, approve and promote versions of models.",
        "slipway.pipelines.cli.model:app",
        panel="Registry",
    ),
    CommandSpec(
        "restore",
        "Put a backup back.",
        "slipway.pipelines.cli.backup:restoring_app",
        panel="Operation",
    ),
)
