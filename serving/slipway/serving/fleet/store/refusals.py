"""Why the store refuses something; the service says it with a code, a command with a sentence."""

from typing import Final

from slipway.platform.errors import SlipwayError

LEAP: Final = 2**32
"""So many requests may have been lost since the last that was stored."""


class StoreRefuses(SlipwayError):
    """It was not stored."""


class NotADevice(StoreRefuses):
    """Nobody enrolled it."""

    def __init__(self, device: str) -> None:
        super().__init__(f"There is no device `{device}`.", mend="`slipway fleet list` tells which there are.")


class KnownOtherwise(StoreRefuses):
    """Its key is another."""

    def __init__(self, device: str) -> None:
        super().__init__(
            f"`{device}` is known by another key.",
            mend="Two machines must not have one id: enrol this one under another, or revoke the device and enrol it "
            "again with a token that is bound to its id.",
        )


class Revoked(StoreRefuses):
    """It was revoked."""

    def __init__(self, device: str) -> None:
        super().__init__(
            f"The device `{device}` was revoked.",
            mend="It comes back with a token that is bound to its id: `slipway fleet enrol --id`.",
        )


class Replayed(StoreRefuses):
    """The sequence was used before."""

    def __init__(self, sequence: int) -> None:
        super().__init__(f"The sequence {sequence} was used; expected a higher one.")
        self.sequence = sequence


class Leapt(StoreRefuses):
    """The sequence is further on than a device gets."""

    def __init__(self, sequence: int, used: int) -> None:
        super().__init__(
            f"The sequence {sequence} is too far from the last one, {used}.",
            mend="A device counts its requests; one that lost its place is told with the next lower one.",
        )


def check_sequence(sequence: int, used: int) -> None:
    """Refuse what was used, and what would leave a device no numbers: its next request has a higher one still."""
    if sequence <= used:
        raise Replayed(used)
    if sequence > used + LEAP:
        raise Leapt(sequence, used)


class TokenRefused(StoreRefuses):
    """The token opens nothing."""


class NotAToken(StoreRefuses):
    """Nobody made it."""

    def __init__(self, digest: str) -> None:
        super().__init__(
            f"There is no token whose sha256 begins with {digest[:12]}.",
            mend="`slipway fleet list --tokens` tells which are open.",
        )


class Conflicting(StoreRefuses):
    """Something else is there already."""
