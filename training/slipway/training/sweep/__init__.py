"""Sweeps: many trainings of one model, each with values that those before suggest.

`space` reads what may vary from overrides, `suggesting` says what to try next, `records` keeps what was tried in the
store. `trial` runs one training here; `submitted` has one run as a job on a target, and `submitting` starts such jobs
within the sweep's `budget`. `running` puts them together. Every trial is an ordinary run with its own key, so work that
was done before, in this sweep or outside, is never done again.
"""
