"""`slipway data`: the commands of slipway-platform, and `label`, which joins snapshots with what devices sent."""

from slipway.pipelines.cli.label import app as label
from slipway.platform.cli.data import app

app.add_typer(label, name="label")

__all__ = ["app"]
