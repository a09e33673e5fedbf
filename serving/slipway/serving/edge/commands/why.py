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
    from slipway.serving.edge.building import how_far
    from slipway.serving.edge.commands.options import check_model, now
    from slipway.serving.edge.fleet import streams_page
    from slipway.serving.edge.fleet.book import read_page
    from slipway.serving.edge.holding import holder
    from slipway.serving.edge.reporting import states_of, why_json, why_lines

    home = home_of(options)
    enrolment = home.enrolment()
    states = states_of(home, enrolment)
    if options.model is not None:
        check_model(options.model, enrolment)
        states = {options.model: states[options.model]}
    agent, clock = holder(home.folder), now()
    building = {model: how_far(home, state, agent) for model, state in states.items()}
    trouble, page = read_page(home).trouble, streams_page.read_page(home) if agent else None
    of_site = dict(page.troubles) if page else {}
    if options.json:
        import json

        of_device = {"fleet_trouble": trouble.model_dump(mode="json") if trouble else None, "site_troubles": of_site}
        told = {
            model: {**why_json(state, enrolment, clock), "building": building[model], **of_device}
            for model, state in states.items()
        }
        print(json.dumps(told, indent=2))
        return 0
    for model, state in states.items():
        print("\n".join(why_lines(state, enrolment, clock)))
        if building[model] is not None:
            print(f"  now  {building[model]}")
    for about, why in of_site.items():
        print(f"site, {about}: {why}")
    if trouble is not None:
        print(f"fleet service, since {trouble.since:%Y-%m-%d %H:%M} UTC: {trouble.why}")
    return 0
