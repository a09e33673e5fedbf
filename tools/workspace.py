"""What every tool knows about this workspace, and the package client's settings.

Only the standard library: set-up runs this before anything is installed.
"""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
DEVICE_LOCK = ROOT / "serving" / "requirements.device-jp6.lock"
INFRA_VENV = ROOT / ".venv-infra"
INFRA_LOCK = ROOT / "infra" / "requirements.lock"
MEMBERS = ("platform", "training", "serving", "pipelines")


def package_client_environment() -> dict[str, str]:
    """What to add to uv's environment so that a mirror or a folder of wheels configured for pip serves uv as well."""
    settings = pip_settings()
    wanted = {"UV_DEFAULT_INDEX": settings.get("index-url", ""), "UV_FIND_LINKS": settings.get("find-links", "")}
    return {
        variable: ",".join(value.split())
        for variable, value in wanted.items()
        if value.strip() and variable not in os.environ
    }


def pip_settings() -> dict[str, str]:
    """What pip is configured with for all its commands: by its files, and before them by its variables."""
    python = VENV / "bin" / "python"
    # Not `pip config get`, which reads one file only.
    command = [str(python if python.exists() else sys.executable), "-m", "pip", "config", "list"]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    found = [match.groups() for line in lines if (match := re.fullmatch(r"(global|:env:)\.([a-z-]+)=(.+)", line))]
    by_rank = sorted(found, key=lambda setting: setting[0] == ":env:")
    return {option: str(ast.literal_eval(value)) for _, option, value in by_rank}


def uv_environment() -> dict[str, str]:
    """This process's environment with uv's settings."""
    return {**os.environ, **package_client_environment()}
