"""Finding models by entry point, without importing them, and their names."""

import sys
from pathlib import Path

import pytest

from slipway.platform.errors import WrongUse
from slipway.platform.models.finder import installed_models, model_named
from slipway.platform.models.names import checked_model_name, folder_name, model_name


def test_the_shipped_models_are_found() -> None:
    assert {"bay-occupancy", "vehicle-detect", "vehicle-reid"} <= set(installed_models())


def test_a_distribution_brings_models_and_they_are_read_without_importing_them(brought: Path) -> None:
    model = model_named("gate-plates")
    assert model.folder == brought / "gate_plates"
    assert model.package == "gates.gate_plates"
    assert model.declaration.owner == "ada"
    assert "gates" not in sys.modules


def test_an_unknown_name_is_told_with_the_nearest(brought: Path) -> None:
    assert brought.is_dir()
    with pytest.raises(WrongUse) as caught:
        model_named("gate_plates")
    assert caught.value.mend == "Did you mean `gate-plates`?"


def test_a_folder_whose_declaration_has_another_name_is_told(brought: Path) -> None:
    (brought / "gate_plates").rename(brought / "gate_signs")
    with pytest.raises(WrongUse, match="declares `gate-plates`") as caught:
        _ = model_named("gate-signs").declaration
    assert "gate_plates" in str(caught.value.mend)


def test_a_folder_that_cannot_be_a_model_is_none(brought: Path) -> None:
    (brought / "Gate-Signs").mkdir()
    (brought / "Gate-Signs" / "model.yaml").touch()
    assert [name for name, model in installed_models().items() if model.folder.parent == brought] == ["gate-plates"]


def test_two_folders_of_one_name_are_told(brought: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    about = other / "more-1.dist-info"
    for made in (about, other / "more" / "gate_plates"):
        made.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: more\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[slipway.models]\nmore = more\n")
    (other / "more" / "__init__.py").touch()
    (other / "more" / "gate_plates" / "model.yaml").touch()
    monkeypatch.syspath_prepend(other)
    with pytest.raises(WrongUse) as caught:
        installed_models()
    assert str(brought) in str(caught.value)
    assert str(other) in str(caught.value)


@pytest.mark.parametrize("name", ["vehicle-reid", "a", "a1-b2-c3"])
def test_names_and_folders_are_mapped_both_ways(name: str) -> None:
    assert model_name(folder_name(name)) == name
    assert folder_name(name).isidentifier()


@pytest.mark.parametrize("name", ["Vehicle", "vehicle_reid", "1st", "a--b", "-a", "a-", "", "a" * 64, "../etc"])
def test_what_cannot_name_a_folder_is_no_name(name: str) -> None:
    with pytest.raises(WrongUse, match="is no name of a model"):
        checked_model_name(name)
