"""No DAG: shows declarations of models that cannot be read among Airflow's import errors, and hinders no other file."""

from slipway.pipelines.airflow.factory import check_declarations

check_declarations()
