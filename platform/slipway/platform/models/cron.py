"""The five fields of cron, as far as they are refused when they cannot be meant."""

from typing import Final

FIELDS: Final = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))


def checked_cron(text: str) -> str:
    """The schedule, where it is one; numbers, `*`, ranges, steps and lists of these."""
    parts = text.split()
    if len(parts) != len(FIELDS):
        raise ValueError(f"Expected the five fields of cron (minute hour day month weekday), found {len(parts)}")
    for part, (name, lowest, highest) in zip(parts, FIELDS, strict=True):
        if not all(_possible(piece, lowest, highest) for piece in part.split(",")):
            raise ValueError(f"`{part}` is no {name}: expected {lowest} to {highest}, `*`, a range, a step or a list")
    return " ".join(parts)


def _possible(piece: str, lowest: int, highest: int) -> bool:
    span, slash, step = piece.partition("/")
    if slash and not (step.isdecimal() and int(step) > 0):
        return False
    if span == "*":
        return True
    ends = span.split("-")
    if len(ends) > 2 or not all(end.isdecimal() for end in ends):  # noqa: PLR2004 - a range has two ends
        return False
    numbers = [int(end) for end in ends]
    return numbers == sorted(numbers) and lowest <= numbers[0] and numbers[-1] <= highest
