"""The ledger: the append-only, hash-chained, signed list of decisions, `ledger/<12 digits>.json` in the store.

Who is champion, who approved, what was overridden: this list says so, and nothing else does. `entry` is what an entry
says, `rights` who may say it, `ledger` appends and reads, `verifying` finds every way in which a list is not what was
written, `exporting` takes it along.
"""
