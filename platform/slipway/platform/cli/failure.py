"""Every way a command can end badly, as one message and one exit code."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from slipway.platform.masking import masked

DEBUG_HINT = "This is a bug in slipway; SLIPWAY_DEBUG=1 shows where."


@runtime_checkable
class UserFacing(Protocol):
    """What the error trees of all our packages share; the device part cannot import this package's tree."""

    exit_code: int
    mend: str | None


@dataclass(frozen=True)
class Failure:
    """What a person is told: what happened, what to do, and the code a script sees."""

    message: str
    mend: str | None = None
    exit_code: int = 1

    def text(self, program: str) -> str:
        """The message as it is printed."""
        lines = [f"{program}: {self.message}"]
        if self.mend:
            lines += [f"  {line}" for line in self.mend.splitlines()]
        return masked("\n".join(lines))


def failure_of(error: Exception) -> Failure:
    """Tell our own errors, wrong use of the command line, the system's refusals and bugs apart."""
    if isinstance(error, UserFacing):
        return Failure(str(error), error.mend, error.exit_code)
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return Failure(f"{place}{error.strerror}.", "Look at that path, its permissions and the free space there.")
    return _wrong_use(error) or Failure(f"{type(error).__name__}: {error}", DEBUG_HINT)


def _wrong_use(error: Exception) -> Failure | None:
    """Typer's own complaints about arguments."""
    import typer

    if isinstance(error, typer.Abort):
        return Failure("aborted.")
    if not isinstance(error, typer.TyperException):
        return None
    context = getattr(error, "ctx", None)
    hint = f"`{context.command_path} --help` shows what it takes." if context is not None else None
    return Failure(error.format_message(), hint, error.exit_code)
