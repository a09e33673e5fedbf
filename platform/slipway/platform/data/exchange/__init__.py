"""Foreign formats in and out: COCO, MOTChallenge, the re-identification folders of Market-1501 and VeRi, image folders.

An import is planned completely, with every file looked at, before anything is written. What a format knows beyond our
columns stays in `extra`, its lists of categories and the like in the manifest's provenance, so that an export gives
back what came in; where a column was changed since, the column wins.
"""
