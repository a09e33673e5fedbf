"""Airflow's DAGs of every declared model: `retrain__…`, `rollout__…`, `watch__…`."""

from slipway.pipelines.airflow.factory import model_dags

globals().update(model_dags())
