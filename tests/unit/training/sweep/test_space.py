"""What a sweep varies, as it is read from overrides."""

from collections.abc import Callable, Sequence

import pytest

from slipway.platform.errors import WrongUse
from slipway.training.sweep.space import Interval, Listed, Space, described

Swept = Callable[[Sequence[str]], Space]


def test_what_has_one_value_stays_and_the_rest_varies(swept: Swept) -> None:
    space = swept(["seed=3", "network=small,base", "optimizer.lr=tag(log,interval(1e-4,1e-2))"])
    assert space.fixed == ("seed=3",)
    assert space.dimensions == (
        Listed("network", ("small", "base")),
        Interval("optimizer.lr", 1e-4, 1e-2, log=True),
    )
    assert space.size is None


@pytest.mark.parametrize(
    ("text", "values", "ordered"),
    [
        ("batch=range(16,65,16)", ("16", "32", "48", "64"), True),
        ("optimizer.lr=range(0.1,0.35,0.1)", ("0.1", "0.2", "0.3"), True),
        ("batch=choice(8,16,8)", ("8", "16"), False),
        ("network.note=choice('a b','c')", ("a\\ b", "c"), False),
        ("trainer.channels_last=true,false", ("True", "False"), False),
    ],
)
def test_lists_hold_values_as_overrides_write_them(
    swept: Swept, text: str, values: tuple[str, ...], *, ordered: bool
) -> None:
    space = swept([text])
    assert space.dimensions == (Listed(text.partition("=")[0], values, ordered=ordered),)
    assert space.size == len(values)


def test_numbers_of_an_interval_are_short_and_inside() -> None:
    interval = Interval("optimizer.lr", 0.00123456, 0.0123456)
    assert interval.text(0.00200049) == "0.002"
    assert float(interval.text(interval.low)) == interval.low
    assert float(interval.text(interval.high)) == interval.high
    assert Interval("batch", 1, 64, whole=True).text(7.6) == "8"


def test_the_same_space_is_described_the_same(swept: Swept) -> None:
    one = swept(["optimizer.lr=interval(0.1,0.2)", "network=small,base"])
    other = swept(["optimizer.lr=interval(1e-1,2e-1)", "network=choice(small,base)"])
    assert [described(each) for each in one.dimensions] == [described(each) for each in other.dimensions]


@pytest.mark.parametrize(
    ("text", "said", "mend"),
    [
        ("batch=3", "Nothing varies", "interval"),
        ("optimzer.lr=1,2", "no key `optimzer.lr`", "`optimizer.lr`"),
        ("network=small,bse", "`network=bse`", "`base`"),
        ("network=glob(*)", "glob", "List"),
        ("network=interval(0,1)", "`network` is no number", "a,b,c"),
        ("batch=interval(1.5,3)", "whole number", None),
        ("batch=1,x", "`batch=x`", None),
        ("batch=0,1", "`batch=0`: batch is at least 1", None),
        ("optimizer.lr=interval(-1,1)", "`optimizer.lr=-1.0`: optimizer.lr is more than 0", None),
        ("optimizer.lr=interval(1,x)", "argument end", "interval(0,0.1)"),
        ("optimizer.lr=interval(2,1)", "less than the second", None),
        ("optimizer.weight_decay=tag(log,interval(0,1))", "logarithmic", None),
        ("optimizer.lr=tag(lag,interval(1,2))", "the tag `lag`", "`log`"),
        ("batch=tag(log,choice(1,2))", "tags mean nothing", None),
        ("batch=range(5,5)", "no values", None),
        ("batch=range(0,1000000)", "more than 10,000", "interval"),
    ],
)
def test_what_cannot_be_swept_is_told_before_anything_starts(
    swept: Swept, text: str, said: str, mend: str | None
) -> None:
    with pytest.raises(WrongUse) as caught:
        swept([text])
    assert said in str(caught.value)
    assert mend is None or mend in (caught.value.mend or "")


def test_a_key_is_given_once(swept: Swept) -> None:
    with pytest.raises(WrongUse, match="`batch` is given twice"):
        swept(["batch=1,2", "batch=4"])
