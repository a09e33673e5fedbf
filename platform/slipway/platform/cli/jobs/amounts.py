"""An amount of money from the command line."""

from decimal import Decimal, InvalidOperation

from slipway.platform.errors import WrongUse


def amount(text: str | None) -> Decimal | None:
    """The number that was written, in the target's currency."""
    if text is None:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        raise WrongUse(
            f"--budget is an amount in the target's currency, not `{text}`.", mend="Write a number: --budget 12.50"
        ) from None
