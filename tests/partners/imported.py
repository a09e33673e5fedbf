"""Which modules a command line has imported when it ends: in a process of its own, through the installed script."""

import subprocess
import sys
from pathlib import Path
from typing import Final

SCRIPT: Final = str(Path(sys.executable).parent / "slipway")
TABLES: Final = frozenset({"pyarrow", "numpy", "pandas"})
HEAVY: Final = TABLES | {"torch", "mlflow", "boto3", "botocore"}
"""What takes longer to import than most answers take."""
SHOW_MODULES: Final = """
import runpy, sys
sys.argv[0] = "slipway"
try:
    runpy.run_path({script!r}, run_name="__main__")
finally:
    print("MODULES", *sorted(sys.modules))
"""


def modules_after(*arguments: str) -> set[str]:
    """The top-level ones."""
    program = SHOW_MODULES.format(script=SCRIPT)
    result = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    line = next(line for line in result.stdout.splitlines() if line.startswith("MODULES "))
    return {name.partition(".")[0] for name in line.split()[1:]}
