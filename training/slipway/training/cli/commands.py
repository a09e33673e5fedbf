"""The commands that slipway-training adds to `slipway`."""

from typing import Final

from slipway.platform.cli.lazy import CommandSpec

COMMANDS: Final = (
    CommandSpec(
        "train", "Train a model, attach to who does, or return what is done.", "slipway.training.cli.train:app",
        panel="Training",
    ),
    CommandSpec(
        "submit", "Have a model trained on a target, attach to who does, or get what is done.",
        "slipway.training.cli.submit:app", panel="Training",
    ),
    CommandSpec(
        "debug", "Restore an attempt with the batch that failed, and step into it.", "slipway.training.cli.debug:app",
        panel="Training",
    ),
    CommandSpec(
        "reproduce", "Train again from the record: identical, or where it parts.",
        "slipway.training.cli.reproduce:app", panel="Training",
    ),
    CommandSpec(
        "sweep", "Search for good values of a model's config.", "slipway.training.cli.sweep:app", panel="Training"
    ),
    CommandSpec(
        "export", "Make a bundle of a finished run, or say which there is.", "slipway.training.cli.export:app",
        panel="Training",
    ),
    CommandSpec(
        "gate", "Judge a bundle by its model's gates, or say which verdict stands.", "slipway.training.cli.gate:app",
        panel="Registry",
    ),
    CommandSpec("new", "Make a new model's folder.", "slipway.training.cli.new:app", panel="Training"),
    CommandSpec("models", "List, show and check models.", "slipway.training.cli.models:app", panel="Training"),
    CommandSpec(
        "evaluate", "Score predictions, ours or anybody's.", "slipway.training.cli.evaluate:app", panel="Training"
    ),
    CommandSpec(
        "bundle", "Show, verify, compare, import and export bundles.", "slipway.training.cli.bundle:app",
        panel="Registry",
    ),
    CommandSpec("world", "The rendered parking sites: list, render, preview.", "slipway.training.cli.world:app"),
)  # fmt: skip
