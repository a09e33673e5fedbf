"""The stack's layer of settings: what commands of this project use instead of files while the stack runs.

`platform.settings` reads it below variables and above slipway.toml, in the context `local` alone. It may hold the
password of Airflow's API, so it is private.
"""

import json
from collections.abc import Iterable, Mapping

from slipway.pipelines.local.component import Component
from slipway.pipelines.local.place import Place, write_private
from slipway.platform.settings.files import stack_file

HEAD = "# Written by `slipway local up` and removed when the stack stops. See docs/how-to/local-stack.md.\n"


def write(place: Place, components: Iterable[Component], founded: Mapping[str, str]) -> None:
    """For the components that are part of the stack."""
    values = dict(founded)
    for one in components:
        values |= one.settings
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in sorted(values.items())]
    write_private(stack_file(place.root), HEAD + "".join(lines))


def remove(place: Place) -> None:
    """Where a stack that was killed left one."""
    stack_file(place.root).unlink(missing_ok=True)
