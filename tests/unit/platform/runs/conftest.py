"""Small trees of packages, parts of a piece of work, and a store in a directory."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.data.view import View
from slipway.platform.runs.code.closure import Code, Roots, closure
from slipway.platform.runs.making import parts_of
from slipway.platform.runs.parts import Parts
from slipway.platform.store import Store
from slipway.platform.store.directory import DirectoryStore

MODEL = "acme.training.models.bird"

HEADS = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import acme.base.types\n"
FILES = {
    "trainer/acme/training/__init__.py": "",
    "trainer/acme/training/main.py": "from acme.base import steps\n\ndef run():\n    from acme.training import late\n",
    "trainer/acme/training/late.py": "from pathlib import Path\nTABLE = Path(__file__).with_name('table.json')\n",
    "trainer/acme/training/table.json": "{}",
    "trainer/acme/training/unused.py": "",
    "trainer/acme/training/unused.json": "{}",
    "trainer/acme/training/models/__init__.py": "",
    "trainer/acme/training/models/bird/__init__.py": "",
    "trainer/acme/training/models/bird/task.py": "from ..shared import heads\nfrom . import network\n",
    "trainer/acme/training/models/bird/network.py": "import torch\n",
    "trainer/acme/training/models/bird/conf/config.yaml": "seed: 1\n",
    "trainer/acme/training/models/bird/.gitignore": "scratch/\n",
    "trainer/acme/training/models/shared/__init__.py": "",
    "trainer/acme/training/models/shared/heads.py": HEADS,
    "base/acme/base/__init__.py": "",
    "base/acme/base/steps.py": "import acme.base.deep.inner as inner\n",
    "base/acme/base/types.py": "",
    "base/acme/base/deep/__init__.py": "",
    "base/acme/base/deep/inner.py": "",
}  # fmt: skip
"""Two distributions that share the namespace package `acme`, and a model in one of them."""


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=tester", "-c", "user.email=tester@example.com", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def roots(folder: Path) -> Roots:
    return Roots({"acme": (folder / "base/acme", folder / "trainer/acme")})


def code_in(folder: Path) -> Code:
    model = folder / "trainer/acme/training/models/bird"
    return closure(["acme.training.main"], [model], roots(folder))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The files of both distributions, in no repository."""
    return write(tmp_path / "tree", FILES)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The same in a git repository, committed."""
    folder = write(tmp_path / "clone", FILES)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "all")
    return folder


@pytest.fixture
def code_of() -> Callable[[Path], Code]:
    """The code of the model in a tree."""
    return code_in


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return DirectoryStore(tmp_path / "store")


@pytest.fixture
def run_git() -> Callable[..., None]:
    return git


@pytest.fixture
def make_parts(tree: Path) -> Callable[..., Parts]:
    """Parts of a piece of work, with changes."""
    code = code_in(tree)

    def make(**changes: Any) -> Parts:
        given: dict[str, Any] = {
            "model": "bird",
            "snapshot": "5" * 64,
            "view": View.of({"split": ["train", "test"]}),
            "code": code,
            "config": {"seed": 1, "optimizer": {"lr": 0.1, "clip": 0.0}, "runtime": {"target": "local"}},
            "lock": ("numpy==2.4.6", "torch==2.13.0"),
        }
        return parts_of(**{**given, **changes})

    return make
