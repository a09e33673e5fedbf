"""Make `.venv-infra`, with the tools that judge `infra/`: they have many dependencies that nothing else needs.

The pins are infra/requirements.lock. The stamp is written last; an environment that is half made is made anew.
"""

import subprocess
import sys
from pathlib import Path

from progress import step
from workspace import INFRA_LOCK, INFRA_VENV, ROOT, uv_environment


def main() -> int:
    """Make it, then write the stamp whose path is the only argument."""
    stamp = Path(sys.argv[1])
    uv = [sys.executable, "-m", "uv"]
    commands = (
        [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(INFRA_VENV)],
        [*uv, "pip", "install", "--quiet", "--python", str(INFRA_VENV), "--requirements", str(INFRA_LOCK)],
    )
    with step(f"infra-tools: {len(INFRA_LOCK.read_text().splitlines())} packages in {INFRA_VENV.relative_to(ROOT)}"):
        for command in commands:
            if subprocess.run(command, cwd=ROOT, env=uv_environment(), check=False).returncode:
                print("infra-tools: is the package index reachable? `make infra-tools` starts again.", file=sys.stderr)
                return 1
    stamp.write_text(f"{ROOT}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
