"""Which versions name the work of a model that somebody else's distribution brings."""

from pathlib import Path

import pytest

from slipway.platform.jobs.submitting.planning import lock_of
from slipway.platform.models.finder import Model
from slipway.platform.runs.code.lock import closure_of, lock_part


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution with models, and another one that it needs."""
    folder = tmp_path / "site"
    for name, version, needs in (("gates", "1.2", "Requires-Dist: spare-part\n"), ("spare_part", "2.0", "")):
        about = folder / f"{name}-{version}.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
    (folder / "gates-1.2.dist-info/entry_points.txt").write_text("[slipway.models]\ngates = gates.models\n")
    monkeypatch.syspath_prepend(folder)
    closure_of.cache_clear()
    return folder


@pytest.mark.usefixtures("site")
def test_the_lock_part_has_the_models_own_distribution_and_what_that_needs(tmp_path: Path) -> None:
    ours = Model("bird", tmp_path, "slipway.training.models.bird")
    theirs = Model("gate-plates", tmp_path, "gates.models.gate_plates")
    assert lock_of(ours, tmp_path) == lock_part(tmp_path)
    assert set(lock_of(theirs, tmp_path)) == {*lock_part(tmp_path), "gates==1.2", "spare-part==2.0"}
    (tmp_path / "requirements.lock").write_text("spare-part==2.1\n")
    assert "spare-part==2.1" in lock_of(theirs, tmp_path)
