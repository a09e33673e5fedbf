"""What a training sees of the environment of whoever started it."""

from slipway.platform.jobs.runner.environment import THREADS, child_environment, runner_environment

SECRET = {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "MLFLOW_TRACKING_PASSWORD",
    "SLIPWAY_MLFLOW__PASSWORD", "SOMETHING_NEW",
}  # fmt: skip
NEEDED = {"PATH", "HOME", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "NCCL_DEBUG", "LC_ALL"}
CHANGES_WEIGHTS = {"NVIDIA_TF32_OVERRIDE", "PYTHONPATH", "OMP_SCHEDULE"}


def test_it_sees_what_it_needs_and_nothing_that_is_secret_or_changes_the_weights() -> None:
    found = child_environment(dict.fromkeys(SECRET | NEEDED | CHANGES_WEIGHTS, "x"), threads=3)
    assert found.keys() >= NEEDED
    assert not found.keys() & (SECRET | CHANGES_WEIGHTS)


def test_its_threads_are_those_of_the_config_whatever_the_environment_says() -> None:
    found = child_environment(dict.fromkeys(THREADS, "64"), threads=3)
    assert {found[name] for name in THREADS} == {"3"}


def test_a_runner_also_sees_how_the_store_is_reached_and_nothing_of_whoever_submitted_it() -> None:
    store = {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "SLIPWAY_STORE__URL", "HTTPS_PROXY", "SSL_CERT_FILE"}
    others = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "GITHUB_TOKEN", "MLFLOW_TRACKING_PASSWORD", "KUBECONFIG", "PYTHONPATH",
        "AIRFLOW_CTX_DAG_ID", "SSH_AUTH_SOCK",
    }  # fmt: skip
    found = runner_environment(dict.fromkeys(store | others | NEEDED, "x"))
    assert set(found) == store | NEEDED


def test_a_child_sees_the_secrets_of_its_job_and_no_others() -> None:
    environ = {"MY_KEY": "x", "OTHER_KEY": "y", "SLIPWAY_STORE__URL": "z"}
    found = child_environment(environ, threads=1, secrets=("MY_KEY",))
    assert found["MY_KEY"] == "x"
    assert not {"OTHER_KEY", "SLIPWAY_STORE__URL"} & set(found)
