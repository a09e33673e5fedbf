"""What goes wrong with the record of work."""

from typing import TYPE_CHECKING, Self

from slipway.platform.errors import SlipwayError

if TYPE_CHECKING:
    from pydantic import ValidationError


class RunsError(SlipwayError):
    """The record of work, or what should go into it, is not as it must be."""


class RecordDamaged(RunsError):
    """An object in the store is not the record that it should be."""

    @classmethod
    def of(cls, kind: str, place: str, error: "ValidationError") -> Self:
        """The first thing that is wrong with it."""
        first = error.errors(include_url=False)[0]
        where = f"`{'.'.join(map(str, first['loc']))}`: " if first["loc"] else ""
        return cls(
            f"{place} should hold {kind} as JSON; {where}{first['msg']}.",
            mend="A newer slipway may have written it: use that one. If it is damaged, restore it from a backup, or "
            "delete it; the same work then begins anew.",
        )


class SecretFound(RunsError):
    """Something that looks like a secret would have been stored for others to read."""


class CodeDamaged(RunsError):
    """A code archive holds something else than its name says."""


class CodeTooLarge(RunsError):
    """A model's folder holds more than code."""


class AttemptTaken(RunsError):
    """A later attempt of the same work exists: this one is no longer the one that counts."""


class Silent(RunsError):
    """No sign of life could be written for so long that others count this attempt as lost."""


class BegunElsewhere(RunsError):
    """Another process has begun this attempt, or it has ended: there is nothing to do here."""
