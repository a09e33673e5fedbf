"""What goes wrong with the ledger."""

from slipway.platform.errors import SlipwayError


class LedgerDamaged(SlipwayError):
    """What lies in the store is not the chain that was written; `number` is the first entry that shows it."""

    def __init__(self, message: str, *, number: int, mend: str | None = None) -> None:
        super().__init__(message, mend=mend)
        self.number = number
