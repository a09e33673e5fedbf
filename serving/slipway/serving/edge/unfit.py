"""What `slipway-edge enrol` was given and cannot be kept, told by the name of its option."""

from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

from slipway.serving.errors import WrongUse

_OPTIONS: Final[Mapping[str, str]] = {
    "device_class": "--class",
    "models": "--model",
    "cohorts": "--cohort",
    "every_s": "--every",
    "patience_s": "--patience",
}
"""Those that are not called as in `device.json`."""
_NAMES: Final[Mapping[str, str]] = {
    "--class": "small letters and digits with single `-` between them, such as edge-cpu",
    "--model": "small letters and digits with single `-` between them, such as vehicle-detect",
    "--cohort": "up to 63 small letters, digits, `.`, `_` and `-`, of which the first is a letter or a digit",
    "--id": "up to 64 small letters, digits and `-`, which neither begins nor ends it",
}


def unfit(error: ValidationError) -> WrongUse:
    """The first thing that is wrong, with what would do."""
    detail = error.errors(include_url=False)[0]
    field = [part for part in detail["loc"] if isinstance(part, str)][-1]
    option = _OPTIONS.get(field) or f"--{field.replace('_', '-')}"
    bounds = detail.get("ctx", {})
    if "ge" in bounds:
        expected = f"{bounds['ge']:g} or more"
    elif "le" in bounds:
        expected = f"{bounds['le']:,.0f} or less"
    elif detail["type"] == "string_pattern_mismatch" and option in _NAMES:
        expected = _NAMES[option]
    else:
        return WrongUse(f"{option}: {detail['msg']}.", mend=_mend(option))
    given = detail["input"]
    said = f"{given:g}" if isinstance(given, float) else str(given)
    return WrongUse(f"{option} is `{said[:100]}`; expected {expected}.", mend=_mend(option))


def _mend(option: str) -> str:
    needed = option in {"--class", "--model", "--channel"}
    return f"Give another {option}{'' if needed else ', or leave it out'}: see `slipway-edge enrol --help`."
