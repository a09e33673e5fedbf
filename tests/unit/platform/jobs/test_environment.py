"""What a training sees of the environment of whoever started it."""

from slipway.platform.jobs.runner.environment import THREADS, child_environment

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
