"""Founding: what makes a laptop a whole little company, once, and the same again however often it is asked.

`staff` is who acts, with keys and roles; `founding` brings people, channel and sites together. Devices are enrolled
when their agents start (`device`, `agent`), because it takes the fleet service. What is there already is used as it is:
no key, person or channel is ever replaced.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slipway.pipelines.local.parts import Founded
    from slipway.pipelines.local.place import Place
    from slipway.platform.settings import Loaded


def found(place: "Place", loaded: "Loaded", tell: Callable[[str], None]) -> "Founded":
    """Keys, people, channel and sites; what was made is told in a line each."""
    from slipway.pipelines.local.founding.founding import found_all

    return found_all(place, loaded, tell)
