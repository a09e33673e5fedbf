"""The typed config from plain values, and what it costs to import."""

import subprocess
import sys
from dataclasses import dataclass, field

import pytest

from slipway.training.config.build import BadValue, build, is_open, keys_of, kind_of
from slipway.training.config.schema import RunConfig, require


@dataclass
class Inner:
    """A group."""

    share: float = 0.5
    sizes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        require(self.share <= 1, "a share is at most 1")


@dataclass
class Outer(RunConfig):
    """A config."""

    inner: Inner = field(default_factory=Inner)
    names: dict[str, Inner] = field(default_factory=dict)


def test_whole_numbers_become_numbers_and_nothing_else_is_converted() -> None:
    found = build(Outer, {"inner": {"share": 1}})
    assert (found.inner.share, type(found.inner.share)) == (1.0, float)
    with pytest.raises(BadValue, match="whole number"):
        build(Outer, {"seed": 1.0})


def test_a_check_that_does_not_name_its_key_is_told_with_the_group() -> None:
    with pytest.raises(BadValue, match="In `inner`: a share is at most 1") as caught:
        build(Outer, {"inner": {"share": 2}})
    assert caught.value.key == "inner"


def test_dictionaries_of_groups_are_built_too() -> None:
    assert build(Outer, {"names": {"a": {"sizes": [1, 2]}}}).names["a"].sizes == [1, 2]
    with pytest.raises(BadValue, match=r"names\.a\.sizes\.1"):
        build(Outer, {"names": {"a": {"sizes": [1, "x"]}}})


def test_an_unknown_key_is_told_with_the_nearest() -> None:
    with pytest.raises(BadValue, match=r"no key `inner\.shar`") as caught:
        build(Outer, {"inner": {"shar": 1}})
    assert caught.value.mend == "Did you mean `share`?"


def test_paths_are_looked_up_through_groups_and_dictionaries() -> None:
    assert kind_of(Outer, "inner.share") is float
    assert kind_of(Outer, "names.any.share") is float
    assert kind_of(Outer, "inner.other") is None
    assert kind_of(Outer, "seed.other") is None
    assert is_open(Outer, "names.any")
    assert not is_open(Outer, "names")
    assert {"inner.share", "names", "optimizer.lr"} <= set(keys_of(Outer))


def test_the_child_builds_its_config_without_hydra_or_torch() -> None:
    code = "import sys, slipway.training.config.build, slipway.training.config.schema; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"hydra", "omegaconf", "torch", "mlflow", "pydantic", "yaml", "numpy"} & set(loaded)
