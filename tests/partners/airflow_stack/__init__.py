"""A real Airflow on this machine for tests: its four processes, each of which can be killed and started again."""
