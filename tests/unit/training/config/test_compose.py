"""Composing a run's config: what wins over what, and how wrong names and values are told."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from slipway.platform.errors import WrongUse
from slipway.platform.models.finder import Model
from slipway.training.config.build import build, without_runtime
from slipway.training.config.completion import overrides
from slipway.training.config.compose import compose, config_class, to_yaml


def test_overrides_win_over_files_and_files_over_defaults(model: Model) -> None:
    composed = compose(model, ["network=base", "trainer.max_epochs=3"])
    config = composed.config
    assert (config["network"]["width"], config["network"]["depths"]) == (64, [2, 2, 2])
    assert (config["batch"], config["optimizer"]["lr"], config["optimizer"]["clip"]) == (32, 0.002, 0.0)
    assert config["trainer"]["max_epochs"] == 3
    assert config["model"] == "patch-colour"


def test_every_value_says_where_it_comes_from(model: Model) -> None:
    origin = compose(model, ["trainer.max_epochs=3", "optimizer={clip: 0.5}"]).origin
    assert origin["trainer.max_epochs"] == "trainer.max_epochs=3"
    assert origin["batch"] == f"{model.configs / 'config.yaml'}:6"
    assert origin["network.width"] == f"{model.configs / 'network' / 'small.yaml'}:1"
    assert origin["optimizer.clip"] == "optimizer={clip: 0.5}"
    assert origin["optimizer.momentum"] == "default"
    assert set(origin) >= {"seed", "trainer.threads", "network.norm"}


def test_the_typed_config_is_what_was_composed(model: Model) -> None:
    composed = compose(model, ["network.norm=group"])
    typed = composed.typed
    assert type(typed).__name__ == "Config"
    assert typed.optimizer.lr == 0.002
    assert vars(typed)["network"].depths == (1, 1)
    assert vars(typed)["network"].norm.name == composed.config["network"]["norm"] == "group"


def test_the_printed_config_reads_back(model: Model) -> None:
    composed = compose(model)
    read = yaml.safe_load(to_yaml(composed.config))
    assert read == composed.config
    assert build(config_class(model), read) == composed.typed


def test_without_runtime_leaves_the_rest(model: Model) -> None:
    config = compose(model).config
    assert set(config) - set(without_runtime(config)) == {"runtime"}


def test_any_key_may_be_put_into_a_dictionary(model: Model) -> None:
    for text in ("references.start=models:/vehicle-reid@champion", "+references.start=models:/vehicle-reid@champion"):
        composed = compose(model, [text])
        assert composed.config["references"] == {"start": "models:/vehicle-reid@champion"}
        assert composed.origin["references.start"] == text


def test_the_environment_changes_nothing(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    before = compose(model).config
    for name in ("OPTIMIZER_LR", "SLIPWAY_OPTIMIZER__LR", "HYDRA_OVERRIDES"):
        monkeypatch.setenv(name, "optimizer.lr=1")
    monkeypatch.chdir(os.sep)
    assert compose(model).config == before


def test_threads_get_their_own_configs(model: Model) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: compose(model, [f"seed={seed}"]).config["seed"], range(16)))
    assert found == list(range(16))


@pytest.mark.parametrize(
    ("override", "said", "mend"),
    [
        ("optimzer.lr=1", "no key `optimzer.lr`", "Did you mean `optimizer.lr`?"),
        ("lr=1", "no key `lr`", "Did you mean `optimizer.lr`?"),
        ("max_epoch=1", "no key `max_epoch`", "Did you mean `trainer.max_epochs`?"),
        ("zzz=1", "no key `zzz`", "--cfg"),
        ("+x=1", "no key `x`", "--cfg"),
        ("+batch=3", "there already", "`batch=3`"),
        ("~batch", "left out", "`batch=...`"),
        ("optimizer.lr=abc", "`optimizer.lr` is a number, not `abc`", None),
        ("optimizer.lr='\"0.1\"'", "is a number", None),
        ("optimizer.lr=true", "is a number, not `true`", None),
        ("batch=3.5", "`batch` is a whole number, not `3.5`", None),
        ("batch=null", "`batch` is a whole number, not `null`", None),
        ("seed=", "`seed` is a whole number", None),
        ("trainer.channels_last=1", "true or false, not `1`", None),
        ("network.dropout=x", "`network.dropout` is a number or null, not `x`", None),
        ("network.depths=[1,a]", "`network.depths.1` is a whole number, not `a`", None),
        ("network.norm=bach", "`network.norm` is `bach`", "Did you mean `batch`?"),
        ("network=bas", "`network` has no option `bas`", "Did you mean `base`?"),
        ("optimizer=3", "holds keys of its own", "optimizer.lr"),
        ("optimizer={lr: 1, lrx: 2}", "`optimizer.lrx`", "`lr`"),
        ("optimizer.lr=-1", "`optimizer.lr=-1`: optimizer.lr is more than 0, not -1.0", None),
        ("network.width=1", "`network.width=1`: network.width is at least 2", None),
        ("optimizer.momentum=1", "optimizer.momentum is from 0 to below 1, not 1.0", None),
        ("trainer.processes=5", "`trainer.processes=5`: batch is a multiple of trainer.processes (5), not 32", None),
        ("runtime.keep_checkpoints=0", "runtime.keep_checkpoints is at least 1, not 0", None),
        ("runtime.log_steps=0", "runtime.log_steps is at least 1, not 0", None),
        ("runtime.checkpoint_seconds=-1", "runtime.checkpoint_seconds is 0 or more, not -1.0", None),
        ("optimizer.name=adam", "`optimizer.name=adam`: optimizer.name is `adamw` or `sgd`", None),
        ("batch=${seed}", "`batch=${seed}`: batch is at least 1, not 0", None),
        ("seed=${sed}", "Interpolation key 'sed' not found", None),
        ("optimizer.lr", "no KEY=VALUE", "`optimizer.lr=`"),
        ("optimzer.lr", "no KEY=VALUE", "`optimizer.lr`"),
        ("", "no KEY=VALUE", None),
        ("network=small,base", "several values", "slipway sweep"),
        ("optimizer.lr=interval(1,2)", "several values", "slipway sweep"),
        ("optimizer.lr=[1", "cannot be read", None),
        ("hydra.run.dir=x", "Hydra's own settings", None),
        ("model=other", "named by the command", None),
        ("network@other=small", "a group has one place", "`network=...`"),
    ],
)
def test_a_wrong_override_is_one_message_with_the_nearest_valid(
    model: Model, override: str, said: str, mend: str | None
) -> None:
    with pytest.raises(WrongUse) as caught:
        compose(model, [override])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert mend is None or mend in (caught.value.mend or "")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("config.yaml", "defaults: [schema, _self_]\nbatch: [3\n", "config.yaml:3: this is no YAML"),
        ("config.yaml", "defaults: [schema, _self_]\nbtch: 3\n", "config.yaml:2: there is no key `btch`"),
        ("config.yaml", "defaults: [schema, _self_]\nbatch: 3.5\n", "config.yaml:2: `batch: 3.5`: `batch` is a whole"),
        ("config.yaml", "defaults: [schema, _self_]\nbatch: 0\n", "config.yaml:2: batch is at least 1"),
        ("config.yaml", "defaults: [schema, network: smal, _self_]\n", "Could not find 'network/smal'"),
        ("network/small.yaml", "# narrow\nwidht: 3\n", "small.yaml:2: there is no key `network.widht`"),
        ("network/small.yaml", "width: 1\n", "small.yaml:1: network.width is at least 2"),
        ("network/small.yaml", "{", "small.yaml:"),
    ],
)
def test_a_slip_in_a_file_is_told_with_file_and_line(model: Model, file: str, text: str, said: str) -> None:
    (model.configs / file).write_text(text)
    with pytest.raises(WrongUse) as caught:
        compose(model)
    assert said in str(caught.value)


def test_a_missing_config_is_told(model: Model) -> None:
    (model.configs / "config.yaml").unlink()
    with pytest.raises(WrongUse, match=r"config\.yaml does not exist"):
        compose(model)


def test_a_missing_class_is_told(model: Model) -> None:
    (model.folder / "config.py").write_text("")
    with pytest.raises(WrongUse, match="no class `Config`"):
        compose(model)


def test_overrides_are_completed(model: Model) -> None:
    assert overrides(model.name, "optimizer.l") == ["optimizer.lr="]
    assert overrides(model.name, "network=") == ["network=base", "network=small"]
    assert "network=" in overrides(model.name, "")
    assert overrides("no-such-model", "") == []
