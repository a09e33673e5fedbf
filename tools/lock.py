"""Resolve the workspace into its lock files, as plain pins without addresses.

`requirements.lock` is the development environment on Linux: the four members, the extras `fleet`, `camera` and
`postgres`, and the `dev` group.
`serving/requirements.device-jp6.lock` is the device part on JetPack 6 (Python 3.10, aarch64), `infra/requirements.lock`
the tools that judge `infra/`. All name their platform and the first Python that must work, so that they do not depend
on who resolves them. Existing pins are kept unless `--upgrade` is given: a changed pyproject moves only what it must.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

from workspace import DEVICE_LOCK, INFRA_LOCK, LOCK, MEMBERS, ROOT, uv_environment

PLAIN = ("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--quiet")
DEVELOPMENT = ("--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28")
JETPACK_6 = ("--python-version", "3.10", "--python-platform", "aarch64-manylinux_2_35", "--only-binary", ":all:")


def development(extra: list[str]) -> None:
    """Write requirements.lock; torch stands there without a local suffix, so that one lock serves CPU and GPU."""
    projects = [f"{name}/pyproject.toml" for name in MEMBERS]
    members = [argument for name in MEMBERS for argument in ("--no-emit-package", f"slipway-{name}")]
    compile_lock(
        LOCK,
        [
            *projects,
            "--extra",
            "fleet",
            "--extra",
            "camera",
            "--extra",
            "postgres",
            "--group",
            "pyproject.toml:dev",
            *DEVELOPMENT,
            *members,
            *extra,
        ],
    )
    text = re.sub(r"^(torch==[^+\n]+)\+\w+$", r"\1", LOCK.read_text(), flags=re.MULTILINE)
    kept = [line for line in text.splitlines() if not re.match(r"(nvidia-|cuda-|triton)", line)]
    LOCK.write_text("\n".join(kept) + "\n")


def device(extra: list[str]) -> None:
    """Write the device part's lock for JetPack 6."""
    compile_lock(DEVICE_LOCK, ["serving/pyproject.toml", *JETPACK_6, *extra])


def infra(extra: list[str]) -> None:
    """Write the lock of the tools for `infra/`, which have an environment of their own."""
    compile_lock(INFRA_LOCK, ["infra/requirements.in", *DEVELOPMENT, *extra])


def compile_lock(target: Path, arguments: list[str]) -> None:
    """Run uv's resolver; on failure its own words are the message."""
    command = [sys.executable, "-m", "uv", "pip", "compile", *PLAIN, "--output-file", str(target), *arguments]
    result = subprocess.run(command, cwd=ROOT, env=uv_environment(), stdout=subprocess.DEVNULL, check=False)
    if result.returncode:
        sys.exit(f"lock: {target.relative_to(ROOT)} could not be resolved; see uv's message above.")
    print(f"lock: {target.relative_to(ROOT)}")


def main() -> None:
    """Write all locks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions instead of the pinned ones")
    extra = ["--upgrade"] if parser.parse_args().upgrade else []
    development(extra)
    device(extra)
    infra(extra)


if __name__ == "__main__":
    main()
