"""What goes wrong, told to a person.

Every error of slipway-platform that a person can do something about is a `SlipwayError`: one message that says what
was expected and what was found, and `mend`, the next thing to do. The command line prints both and exits with
`exit_code`; anything else that reaches it is a bug.
"""


class SlipwayError(Exception):
    """An error with a remedy. `exit_code` is 1 for what failed, 2 for what was asked wrongly."""

    exit_code = 1

    def __init__(self, message: str, *, mend: str | None = None) -> None:
        super().__init__(message)
        self.mend = mend
        if mend is not None:
            self.add_note(mend)  # for those who see a traceback: a notebook, a log


class WrongUse(SlipwayError):
    """The request itself is wrong: a name, a value, a setting. Nothing was changed."""

    exit_code = 2
