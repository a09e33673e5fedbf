"""When to look at the channel next: pure functions, told the failures and chance.

After a look that went well the wait is the usual one, a little longer or shorter by chance, so that a fleet whose power
came back at once does not go on asking at once. After a failed one it doubles with each failure up to a longest, and
chance takes up to half of it away.
"""

from typing import Final

from slipway.serving.edge.configuration import Polling

_DOUBLINGS: Final = 32


def next_wait(polling: Polling, failures: int, drawn: float) -> float:
    """Seconds until the next look, after so many failed ones in a row; `drawn` is chance, from 0 to 1."""
    if failures <= 0:
        return polling.every_s * (1 + polling.spread * (2 * drawn - 1))
    longest = max(polling.longest_s, polling.every_s)
    return min(longest, polling.every_s * float(2 ** min(failures - 1, _DOUBLINGS))) * (1 - drawn / 2)
