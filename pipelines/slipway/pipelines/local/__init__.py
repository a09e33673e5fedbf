"""The local stack: MLflow, Airflow and a small fleet on this machine, under one supervisor.

`component` says what runs and `place` where its state lies; `supervisor` keeps it running, below a `guardian` that ends
all of it when the supervisor is gone; `standing` is what others may know of it. `mlflow`, `airflow` and `fleet` say
which components there are. Decision 0028 tells why the stack's settings are a layer of the context `local`.
"""
