"""What goes wrong in slipway-serving, told to a person.

The same shape as the platform's errors and independent of them: a device has no slipway-platform. Each error is one
message that says what was expected and what was found, and `mend`, the next thing to do.
"""


class SlipwayError(Exception):
    """An error with a remedy. `exit_code` is 1 for what failed, 2 for what was asked wrongly."""

    exit_code = 1

    def __init__(self, message: str, *, mend: str | None = None) -> None:
        super().__init__(message)
        self.mend = mend


class WrongUse(SlipwayError):
    """The request itself is wrong: a name, a value, an option. Nothing was changed."""

    exit_code = 2
