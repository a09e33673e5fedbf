"""What is kept in memory for as long as the server lives."""

import gc


def settle() -> None:
    """What is there now stays: collections need not look through it again and again."""
    gc.collect()
    gc.freeze()
