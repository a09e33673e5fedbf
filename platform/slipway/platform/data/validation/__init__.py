"""Validation: does a snapshot deserve to be trained on?

Suites are data (`*.expectations.yaml`): ordinary Great Expectations expectations and ours, which look at several tables
or at the images. `validate` runs them in a child process and gives a `Verdict`, which the store keeps by what was
judged and by what judged it. Importing this package loads neither Great Expectations nor pandas.
"""
