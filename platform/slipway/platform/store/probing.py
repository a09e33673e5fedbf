"""Whether a store can be relied on: for `slipway doctor`, and whoever sets up a store.

A server that ignores `If-None-Match` answers every conditional write with success, and two runs would then both believe
that they own a result; it looks healthy until that day. So this is asked for directly: of two different offers for one
key, both must be answered with the same bytes.

What it cannot find: a server that honours the condition for one writer after the other, but not for two at once.
"""

from slipway.platform.store.contract import Store
from slipway.platform.store.errors import SETTING, StoreUnfit

WRITE_KEY = "doctor/write.json"
CONDITIONAL_KEY = "doctor/conditional.json"
_FIRST = b'{"offer":"first"}'
_SECOND = b'{"offer":"second"}'


def probe(store: Store) -> None:
    """Read, write, list and bind in `store`; raise the `StoreError` that names what does not work."""
    store.put(WRITE_KEY, _FIRST)
    if store.get(WRITE_KEY) != _FIRST:
        raise StoreUnfit(
            f"The store {store.url} does not give back what was written to it.",
            mend=f"Find out what answers there; a store is expected. It is set by {SETTING}.",
        )
    next(store.list("doctor/"), None)
    store.age(WRITE_KEY)
    if store.put_if_absent(CONDITIONAL_KEY, _FIRST) != store.put_if_absent(CONDITIONAL_KEY, _SECOND):
        raise StoreUnfit(
            f"The store {store.url} lets a second writer replace what was to be written once: "
            "it ignores conditional writes, so results could be bound twice.",
            mend="Upgrade its server to a version that honours `If-None-Match: *` on PUT, or use another store.",
        )
