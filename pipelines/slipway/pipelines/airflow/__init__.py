"""Slipway in Airflow: steps and work as tasks, approval on its page, events that wake, and the factory of all DAGs."""
