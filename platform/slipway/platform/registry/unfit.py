"""Why an entry does not fit its place: the evidence is not enough, or a service was not asked."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from slipway.platform.identity import Role
from slipway.platform.registry import decisions

if TYPE_CHECKING:
    from slipway.platform.registry.standing import VersionStanding


def unproven(version: "VersionStanding", verdict: str, champion: str | None) -> str | None:
    """Why the evidence is not enough."""
    given = next((one for one in version.verdicts if one.key == verdict), None)
    if given is None or not given.passed:
        return f"no passing verdict {verdict[:12]} on version {version.number}".replace("  ", " ")
    newest = version.verdict_against(given.champion)
    if newest is not None and newest.key != verdict:
        return f"the verdict {verdict[:12]} on version {version.number} is not the newest against that champion"
    if given.champion != champion:
        then, now = named_bundle(given.champion), named_bundle(champion)
        return f"its verdict was given against {then}, and the champion was {now} by then"
    if version.rejections:
        return f"version {version.number} was rejected by {version.rejections[-1].speaker}"
    approvers = version.approvers(verdict)
    if len(approvers) < version.needed:
        return f"version {version.number} had {len(approvers)} of {version.needed} approvals on its verdict"
    return None


def named_bundle(bundle: str | None) -> str:
    """A bundle in a message; none is nobody."""
    return f"bundle {bundle[:12]}" if bundle else "nobody"


def why_unasked(
    roles: Sequence[str], details: Mapping[str, Any], gone: str | None, on_its_way: str | None
) -> str | None:
    """Why these roles may not take that bundle back.

    A service that leads rollouts takes back what is on its way; anything else where a person asked it to.
    """
    asked = bool(details.get(decisions.ASKED_BY)) and bool(details.get(decisions.GRANT))
    if tuple(roles) != (Role.ROLLOUT_SERVICE,) or asked or gone == on_its_way:
        return None
    return f"{named_bundle(gone)} is not on its way, and nobody asked the {Role.ROLLOUT_SERVICE} to take it back"
