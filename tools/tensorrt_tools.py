"""Install the `tensorrt` extra of slipway-serving into `.venv`: wheels that make engines without a GPU.

They are proprietary and large, so neither `make setup` nor the lock has them; the extra pins them exactly.
"""

import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version

from progress import step
from workspace import ROOT, VENV, uv_environment


def pins() -> list[str]:
    """What the extra names, `name==version` each."""
    project = tomllib.loads((ROOT / "serving" / "pyproject.toml").read_text())["project"]
    return list(project["optional-dependencies"]["tensorrt"])


def is_installed(pin: str) -> bool:
    """Whether exactly this is there."""
    name, _, wanted = pin.partition("==")
    try:
        return version(name) == wanted
    except PackageNotFoundError:
        return False


def main() -> int:
    """Install what is missing; nothing of it has dependencies that the lock does not hold."""
    wanted = pins()
    if all(map(is_installed, wanted)):
        return 0
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--compile-bytecode"]
    with step(f"tensorrt-tools: {', '.join(wanted)}"):
        code = subprocess.run(
            [*command, "--python", str(VENV / "bin" / "python"), *wanted], cwd=ROOT, env=uv_environment(), check=False
        ).returncode
    if code:
        print("tensorrt-tools: is the package index reachable? The same again goes on.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
