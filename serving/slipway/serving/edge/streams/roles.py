"""Which model looks at frames, and which at the boxes; found by their contracts where nobody says."""

from collections.abc import Mapping

from slipway.serving.edge.streams.answers import kind_of
from slipway.serving.edge.streams.running import Lives
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.live import Live


def roles_of(
    lives: Mapping[str, Live], *, model: str | None = None, detect: str | None = None, embed: str | None = None
) -> Lives:
    """The live models of these names; `WrongUse` where one is not here, or nobody knows which is meant."""
    if name := model or detect:
        return Lives(_named(name, lives), _named(embed, lives) if embed else None)
    if len(lives) == 1:
        return Lives(next(iter(lives.values())))
    kinds = {name: kind_of(live.loaded.contract) for name, live in lives.items() if live.loaded is not None}
    detectors = [name for name, kind in kinds.items() if kind == "detector"]
    others = [name for name in lives if name not in detectors]
    if len(detectors) != 1 or len(others) != 1:
        raise WrongUse(
            f"There are the models {', '.join(lives)}; which one looks at the frames, and which at the boxes?",
            mend="Say --detect MODEL and --embed MODEL, or --model MODEL; a site's configuration says `detect` and "
            "`embed`, or `model`.",
        )
    return Lives(lives[detectors[0]], lives[others[0]])


def _named(name: str, lives: Mapping[str, Live]) -> Live:
    if name not in lives:
        raise WrongUse(f"There is no model `{name}` here.", mend=f"There is: {', '.join(lives) or 'none'}.")
    return lives[name]
