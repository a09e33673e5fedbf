"""Submits what lies in a folder as settings.json, job.json and attempt.json: `submitting_process.py FOLDER`."""

import sys
from pathlib import Path

from slipway.platform.jobs.launchers.contract import Assignment
from slipway.platform.jobs.launchers.kubernetes.launcher import KubernetesLauncher
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.runs.records import AttemptSpec
from slipway.platform.settings import Loaded, Settings
from slipway.platform.settings.load import SettingsFile


def main(folder: Path) -> None:
    settings = Settings.model_validate_json((folder / "settings.json").read_text())
    job = JobSpec.model_validate_json((folder / "job.json").read_text())
    attempt = AttemptSpec.model_validate_json((folder / "attempt.json").read_text())
    loaded = Loaded(settings, "test", "the test", folder / "project", SettingsFile(None, None, {}, {}), {})
    KubernetesLauncher(loaded).submit(Assignment(job, attempt))


main(Path(sys.argv[1]))
