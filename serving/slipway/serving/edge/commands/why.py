"""`slipway-edge why`."""

import argparse

from slipway.serving.edge.commands.options import add_home, add_json, home_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("model", nargs="?", metavar="MODEL", help="one model (else all of them)")
    add_home(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Tell what the agent did and refused, with its reasons."""
    from slipway.serving.edge.commands.options import check_model
    from slipway.serving.edge.reporting import states_of, why_json, why_lines

    home = home_of(options)
    enrolment = home.enrolment()
    states = states_of(home, enrolment)
    if options.model is not None:
        check_model(options.model, enrolment)
        states = {options.model: states[options.model]}
    if options.json:
        import json

        print(json.dumps({model: why_json(state) for model, state in states.items()}, indent=2))
    else:
        print("\n".join(line for state in states.values() for line in why_lines(state)))
    return 0
