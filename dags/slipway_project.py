"""Airflow's DAGs that a project has once: `ingest` and `reconcile`."""

from slipway.pipelines.airflow.factory import project_dags

globals().update(project_dags())
