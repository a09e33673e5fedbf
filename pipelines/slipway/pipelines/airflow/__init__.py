"""Slipway in Airflow: `operator.SlipwayJobOperator` runs work through a launcher, and a trigger waits for it."""
