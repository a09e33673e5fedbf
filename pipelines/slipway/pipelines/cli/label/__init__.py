"""`slipway data label`: what waits for people, out to a tool for labelling, and back."""

import typer

from slipway.pipelines.cli.label import giving, queue, taking

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Labels: what waits for people, out to CVAT, Label Studio or COCO, and back.",
)
for part in (queue, giving, taking):
    app.add_typer(part.app)
