"""All that is wrong with an import, told at once: a person mends ten files in one go, not one after the other."""

from typing import Final

from slipway.platform.data.errors import BadImport

SHOWN: Final = 10


class Problems:
    """Collects sentences that name file and row."""

    def __init__(self) -> None:
        self._sentences: list[str] = []

    def add(self, sentence: str) -> None:
        """Remember one."""
        self._sentences.append(sentence)

    def stop_if_any(self) -> None:
        """Refuse the import when there is any."""
        if not self._sentences:
            return
        count = len(self._sentences)
        told = self._sentences[:SHOWN]
        if count > SHOWN:
            told.append(f"... and {count - SHOWN} more.")
        head = (
            "The import was refused, nothing was changed." if count == 1 else f"{count} problems, nothing was changed."
        )
        raise BadImport("\n  ".join([head, *told]), mend="Mend the source, or leave out what is named here.")
