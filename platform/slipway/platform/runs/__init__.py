"""The record of work: what names it, what it ran with, how often it was tried, and what came of it.

A piece of work is named by its content (`parts`), tried in numbered attempts (`attempts`), bound to one MLflow run
(`binding`) and ended by one result (`results`). All of it lies in the store under names that are made in `layout`, so
whoever knows the key finds the rest, and whoever is killed is found out by the next one.
"""
