"""`slipway targets`: where jobs can run, what that costs, what is free now."""

from typing import TYPE_CHECKING

import typer

from slipway.platform.cli.output import Json, print_json, print_table, say
from slipway.platform.cli.session import load_settings

if TYPE_CHECKING:
    from slipway.platform.jobs.availability import Available

app = typer.Typer(add_completion=False)


@app.command()
def targets(json: Json = False) -> None:
    """List the places to run jobs: price of a node, its devices, what is free now, how long one typically waits.

    The wait is the median of the latest runs there.
    """
    from slipway.platform.jobs.availability import available

    found = available(load_settings())
    for trouble in dict.fromkeys(trouble for one in found for trouble in one.troubles):
        say(trouble)
    if json:
        print_json([one.as_data() for one in found])
        return
    columns = ("target", "launcher", "devices", "nodes", "price of a node", "free now", "typical wait")
    print_table(columns, [_row(one) for one in found])


def _row(one: "Available") -> list[str]:
    from slipway.platform.telling import duration, money

    target = one.target
    price = f"{money(target.price_per_hour, target.currency)} an hour" if target.price_per_hour else "free"
    free = one.capacity.words or ("" if one.capacity.nodes is None else f"{one.capacity.nodes} nodes")
    return [
        one.name,
        target.launcher,
        f"{one.devices}, spot" if target.spot else one.devices,
        f"up to {target.max_nodes}",
        price,
        free.splitlines()[0] if free else "unknown",
        ("no run yet" if one.stored else "unknown") if one.wait is None else duration(one.wait),
    ]
