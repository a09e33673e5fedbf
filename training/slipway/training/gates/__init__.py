"""Gates: is a bundle good enough to become a version?

Two layers. An *evaluation* runs every variant of a bundle, on the device's runtime, over the test split of a snapshot:
heavy work with a work key, done once by the runner (`main` is its child). *Checks* are pure functions over evaluations
and the declaration; `gating` puts them together to a verdict, which the gates' key signs.
"""
