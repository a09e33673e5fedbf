"""Which value holds, and where it came from."""

from pathlib import Path

import pytest

from slipway.platform.errors import WrongUse
from slipway.platform.settings import load
from slipway.platform.settings.files import write_chosen_context

FILE = """\
context = "dev"

[contexts.dev]
log_level = "info"
store.url = "s3://dev/store"
[contexts.dev.targets.gpu-l4]
launcher = "kubernetes"
price_per_hour = 0.71
currency = "EUR"

[contexts.prod]
protected = true
store = { url = "s3://prod/store", attempts = 7 }
"""


@pytest.fixture
def home(tmp_path: Path) -> str:
    return str(tmp_path)


@pytest.fixture
def with_file(project: Path) -> Path:
    (project / "slipway.toml").write_text(FILE)
    return project


def test_without_a_file_the_built_in_context_keeps_everything_under_the_project(project: Path, home: str) -> None:
    loaded = load(project, {"HOME": home})
    assert loaded.context == "local"
    assert loaded.settings.store.url == f"{project}/.slipway/store"
    assert loaded.settings.mlflow.tracking_uri == f"sqlite:///{project}/.slipway/mlflow.db"
    assert loaded.settings.identity.keys == Path(home) / ".config/slipway/keys"
    assert set(loaded.settings.targets) == {"local"}


def test_the_file_is_found_from_a_folder_below(with_file: Path, home: str) -> None:
    below = with_file / "a/b"
    below.mkdir(parents=True)
    loaded = load(below, {"HOME": home})
    assert (loaded.root, loaded.context) == (with_file, "dev")
    assert loaded.settings.data.cache == with_file / ".slipway/cache"


def test_a_later_layer_wins_and_each_value_knows_its_origin(with_file: Path, home: str) -> None:
    loaded = load(with_file, {"HOME": home, "SLIPWAY_STORE__TIMEOUT_SECONDS": "3"})
    assert loaded.settings.store.url == "s3://dev/store"
    assert loaded.settings.store.timeout_seconds == 3
    assert str(loaded.origin(("store", "url"))) == "slipway.toml:5"
    assert str(loaded.origin(("store", "timeout_seconds"))) == "SLIPWAY_STORE__TIMEOUT_SECONDS"
    assert str(loaded.origin(("store", "attempts"))) == "default"
    assert str(loaded.origin(("targets", "gpu-l4", "currency"))) == "slipway.toml:9"


def test_the_built_in_target_stays_beside_those_of_the_file(with_file: Path, home: str) -> None:
    targets = load(with_file, {"HOME": home}).settings.targets
    assert set(targets) == {"local", "gpu-l4"}
    assert str(targets["gpu-l4"].price_per_hour) == "0.71"


def test_the_context_is_chosen_by_variable_then_by_use_then_by_the_file(with_file: Path, home: str) -> None:
    assert load(with_file, {"HOME": home}).context == "dev"
    write_chosen_context(with_file, "prod")
    assert load(with_file, {"HOME": home}).context == "prod"
    assert load(with_file, {"HOME": home, "SLIPWAY_CONTEXT": "local"}).context == "local"


def test_an_inline_table_has_the_line_it_stands_on(with_file: Path, home: str) -> None:
    loaded = load(with_file, {"HOME": home, "SLIPWAY_CONTEXT": "prod"})
    assert loaded.settings.store.attempts == 7
    assert str(loaded.origin(("store", "attempts"))) == "slipway.toml:13"


def test_a_table_may_be_given_as_json_in_a_variable(project: Path, home: str) -> None:
    variable = '{"gpu": {"launcher": "kubernetes", "gpus": 2}}'
    loaded = load(project, {"HOME": home, "SLIPWAY_TARGETS": variable})
    assert loaded.settings.targets["gpu"].gpus == 2
    assert "local" in loaded.settings.targets
    assert str(loaded.origin(("targets", "gpu", "gpus"))) == "SLIPWAY_TARGETS"


def test_an_empty_variable_counts_as_unset(project: Path, home: str) -> None:
    loaded = load(project, {"HOME": home, "SLIPWAY_S3__ENDPOINT": ""})
    assert loaded.settings.s3.endpoint is None
    assert str(loaded.origin(("s3", "endpoint"))) == "default"


@pytest.mark.parametrize(
    ("text", "expected", "mend"),
    [
        ('[contexts.dev]\nstore.ulr = "x"', "slipway.toml:2: `contexts.dev.store.ulr` is not a setting", "`url`"),
        (
            "[contexts.dev]\n\nprotcted = true",
            "slipway.toml:3: `contexts.dev.protcted` is not a setting",
            "`protected`",
        ),
        ("[contexts.dev.stor]\nurl = 'x'", "slipway.toml:1: `contexts.dev.stor` is not a setting", "`store`"),
        ("[contexts.dev.store]\nattempts = 'many'", "slipway.toml:2: `contexts.dev.store.attempts` is 'many'", None),
        ("[contexts.dev]\nlog_level = 'wran'", "slipway.toml:2: `contexts.dev.log_level` is 'wran'", "warning"),
        ("[contexts.dev.targets.gpu]\ncurrency = 'euro'", "slipway.toml:2: `contexts.dev.targets.gpu.currency`", None),
        ("[contexts.dev.targets.Gpu_1]\ngpus = 1", "slipway.toml:1: `contexts.dev.targets.Gpu_1`", None),
        ("[context.dev]\nprotected = true", "slipway.toml:1: `context` is", None),
        ("[contxts.dev]", "slipway.toml:1: `contxts` is not a table of this file", "`contexts`"),
        ("contexts.dev = 3", "slipway.toml:1: `contexts.dev` is 3", None),
        ("context = 3", "slipway.toml:1: `context` is 3", None),
        ("[contexts.dev\n", "is not TOML", "Correct that line"),
    ],
)
def test_a_slip_is_answered_with_its_line_and_the_nearest_key(
    project: Path, home: str, text: str, expected: str, mend: str | None
) -> None:
    (project / "slipway.toml").write_text(text)
    with pytest.raises(WrongUse) as caught:
        load(project, {"HOME": home})
    assert expected in str(caught.value)
    assert mend is None or mend in (caught.value.mend or "")


def test_a_slip_in_another_context_is_told_as_well(project: Path, home: str) -> None:
    (project / "slipway.toml").write_text("[contexts.prod]\nprotected = 'perhaps'\n")
    with pytest.raises(WrongUse, match=r"slipway.toml:2: `contexts.prod.protected` is 'perhaps'"):
        load(project, {"HOME": home})


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("SLIPWAY_STOR__URL", "x", "SLIPWAY_STORE__URL"),
        ("SLIPWAY_STORE__URLL", "x", "SLIPWAY_STORE__URL"),
        ("SLIPWAY_CONTEX", "x", "SLIPWAY_CONTEXT"),
        ("SLIPWAY_STORE__ATTEMPTS", "0", "SLIPWAY_STORE__ATTEMPTS: `store.attempts` is '0'"),
        ("SLIPWAY_STORE", "s3://x", "SLIPWAY_STORE is not JSON"),
        ("SLIPWAY_TARGETS", '{"gpu": {"gpus": -1}}', "SLIPWAY_TARGETS: `targets.gpu.gpus` is -1"),
        ("SLIPWAY_CONTEXT", "prd", "There is no context `prd`"),
    ],
)
def test_a_wrong_variable_is_refused_by_name(
    project: Path, home: str, variable: str, value: str, expected: str
) -> None:
    with pytest.raises(WrongUse) as caught:
        load(project, {"HOME": home, variable: value})
    assert expected in f"{caught.value} {caught.value.mend}"


def test_a_secret_never_stands_in_an_error(project: Path, home: str) -> None:
    for value in ("['hunter2']", "'hunter2'"):
        (project / "slipway.toml").write_text(f"[contexts.dev.s3]\nsecret_access_key = {value}\n")
        with pytest.raises(WrongUse) as caught:
            load(project, {"HOME": home})
        assert "slipway.toml:2: `contexts.dev.s3.secret_access_key`" in str(caught.value)
        assert "hunter2" not in f"{caught.value} {caught.value.mend}"


def test_a_secret_in_the_file_is_refused_with_the_variable_to_set(project: Path, home: str) -> None:
    (project / "slipway.toml").write_text("[contexts.dev.mlflow]\npassword = 'hunter2'\n")
    with pytest.raises(WrongUse) as caught:
        load(project, {"HOME": home})
    assert "SLIPWAY_MLFLOW__PASSWORD" in (caught.value.mend or "")


def test_a_table_as_json_is_the_origin_of_what_it_sets_and_of_nothing_else(with_file: Path, home: str) -> None:
    loaded = load(with_file, {"HOME": home, "SLIPWAY_STORE": '{"attempts": 2}'})
    assert str(loaded.origin(("store", "attempts"))) == "SLIPWAY_STORE"
    assert str(loaded.origin(("store", "url"))) == "slipway.toml:5"
    assert str(loaded.origin(("store", "timeout_seconds"))) == "default"


def test_an_underscore_stands_for_the_dash_in_the_name_of_a_target(with_file: Path, home: str) -> None:
    loaded = load(with_file, {"HOME": home, "SLIPWAY_TARGETS__GPU_L4__GPUS": "2"})
    assert loaded.settings.targets["gpu-l4"].gpus == 2
    assert loaded.settings.targets["gpu-l4"].currency == "EUR"
    assert str(loaded.origin(("targets", "gpu-l4", "gpus"))) == "SLIPWAY_TARGETS__GPU_L4__GPUS"
    with pytest.raises(WrongUse, match=r"SLIPWAY_TARGETS__GPU_L4__GPUS: `targets\.gpu-l4\.gpus` is '-2'"):
        load(with_file, {"HOME": home, "SLIPWAY_TARGETS__GPU_L4__GPUS": "-2"})


def test_a_file_that_is_there_and_cannot_be_read_is_no_missing_file(project: Path, home: str) -> None:
    path = project / "slipway.toml"
    path.symlink_to("nowhere")
    with pytest.raises(WrongUse, match=r"slipway.toml cannot be read"):
        load(project, {"HOME": home})
    path.unlink()
    path.mkdir()
    with pytest.raises(WrongUse, match=r"slipway.toml cannot be read"):
        load(project, {"HOME": home})


def test_a_byte_order_mark_is_no_mistake_and_another_encoding_is_named(project: Path, home: str) -> None:
    path = project / "slipway.toml"
    path.write_bytes(b"\xef\xbb\xbf" + FILE.encode())
    assert load(project, {"HOME": home}).context == "dev"
    path.write_bytes('context = "müde"'.encode("latin-1"))
    with pytest.raises(WrongUse, match="is not UTF-8"):
        load(project, {"HOME": home})
