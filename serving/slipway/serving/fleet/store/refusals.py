"""Why the store refuses something; the service says it with a code, a command with a sentence."""

from slipway.platform.errors import SlipwayError


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


class TokenRefused(StoreRefuses):
    """The token opens nothing."""


class Conflicting(StoreRefuses):
    """Something else is there already."""
