"""Sweeps: many trainings of one model, each with values that those before suggest.

`space` reads what may vary from overrides, `suggesting` says what to try next, `records` keeps what was tried in the
store, `trial` runs one training, `running` puts them together. Every trial is an ordinary run with its own key, so work
that was done before, in this sweep or outside, is never done again.
"""
