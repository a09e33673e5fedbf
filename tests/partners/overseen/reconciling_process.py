"""Reconciles once: `python reconciling_process.py ROOT SNAPSHOT`."""

import sys
from pathlib import Path

from overseen.office import join_office


def main(root: Path, snapshot: str) -> int:
    troubles = join_office(root, snapshot).reconcile().troubles
    sys.stderr.write("".join(f"{one}\n" for one in troubles))
    return len(troubles)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
