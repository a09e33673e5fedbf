"""uv gets what pip is configured with, from variables as well as from files."""

from pathlib import Path

import pytest

from workspace import package_client_environment


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but those of the test."""
    for variable in ("PIP_INDEX_URL", "PIP_FIND_LINKS", "UV_DEFAULT_INDEX", "UV_FIND_LINKS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))


def test_settings_come_from_pips_file(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://mirror.example.com/simple\nfind-links = /a /b\n")
    assert package_client_environment() == {
        "UV_DEFAULT_INDEX": "https://mirror.example.com/simple",
        "UV_FIND_LINKS": "/a,/b",
    }


def test_settings_come_from_pips_variables_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nfind-links = /from-file\n")
    monkeypatch.setenv("PIP_FIND_LINKS", "/from-variable")
    assert package_client_environment() == {"UV_FIND_LINKS": "/from-variable"}


def test_uvs_own_variables_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "/pip")
    monkeypatch.setenv("UV_FIND_LINKS", "/uv")
    assert package_client_environment() == {}
