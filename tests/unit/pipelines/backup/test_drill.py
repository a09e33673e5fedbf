"""A history in files is copied while somebody writes it, lost, and put back in another place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kept_history.drill import drill

pytestmark = pytest.mark.xdist_group("backup drill")


def test_in_files(call: Callable[..., Any], tmp_path: Path) -> None:
    restored = drill(call, tmp_path, {}, {}, str(tmp_path / "backups"))
    restored.turn("z")
    assert restored.holds() > 1
    assert (tmp_path / "backups").stat().st_mode & 0o777 == 0o700
