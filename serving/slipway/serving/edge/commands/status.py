"""`slipway-edge status`."""

import argparse

from slipway.serving.edge.commands.options import add_home, add_json, home_of, now


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    add_home(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Tell what this device is; 1 when it cannot run any model."""
    from slipway.serving.edge.status import read_status

    status = read_status(home_of(options), now())
    if options.json:
        import json

        print(json.dumps(status.as_json(), indent=2))
    else:
        print("\n".join(status.lines()))
    return 0 if status.onnxruntime.problem is None else 1
