"""What a shell may complete arguments to; nothing is imported before somebody presses the key."""

import typer


def models() -> list[str]:
    """The models that are installed."""
    from slipway.platform.models.finder import installed_models

    return list(installed_models())


def overrides(context: typer.Context, incomplete: str) -> list[str]:
    """Overrides of the model that the command line names already."""
    from slipway.training.config.completion import overrides

    return overrides(str(context.params.get("model")), incomplete)
