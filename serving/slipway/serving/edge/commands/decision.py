"""`slipway-edge decision`."""

import argparse
from pathlib import Path

from slipway.serving.edge.commands.options import add_home, add_json, home_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("decision", metavar="ID", help="the id of a decision, as it stands in an event")
    add_home(parser)
    parser.add_argument("--decisions", type=Path, metavar="DIR", help="the decision log's folder, if it is another")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Tell what a decision was, from the log on this device; 1 where it is not there."""
    import json

    from slipway.serving.edge.decisions import parse_id
    from slipway.serving.edge.streams.command import DECISIONS
    from slipway.serving.edge.streams.log import DecisionLog
    from slipway.serving.errors import SlipwayError

    said = parse_id(options.decision)
    folder: Path = options.decisions or home_of(options).folder / DECISIONS
    event = DecisionLog(folder).find(options.decision) if folder.is_dir() else None
    if event is None:
        raise SlipwayError(
            f"{folder} does not hold the decision {options.decision}, or holds it no longer.",
            mend=f"It was taken at {said.at:%Y-%m-%d %H:%M:%S} UTC on the device {said.device} by the bundle "
            f"{said.bundle}…; the log keeps the newest.",
        )
    if options.json:
        print(json.dumps(event, indent=2))
        return 0
    fields = {"device": said.device, "decided": f"{said.at:%Y-%m-%d %H:%M:%S.%f} UTC", **event}
    width = max(map(len, fields))
    print("\n".join(f"{name:<{width}}  {_told(value)}" for name, value in fields.items()))
    return 0


def _told(value: object) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)
