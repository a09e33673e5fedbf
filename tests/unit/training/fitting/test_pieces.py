"""The small parts: the course of steps, the groups of the optimizer, the average, the light import."""

import subprocess
import sys
from collections.abc import Generator
from typing import Any

import pytest
import torch
from torch import nn

from slipway.training.config.schema import OptimizerConfig, ScheduleConfig, TrainerConfig
from slipway.training.fitting import optimizers
from slipway.training.fitting.ahead import ahead
from slipway.training.fitting.average import Average
from slipway.training.fitting.course import Course, rate


def test_a_course_that_is_cut_has_a_shorter_last_epoch() -> None:
    course = Course.of(TrainerConfig(max_epochs=5, max_steps=17, validate_every=2), epoch_steps=7)
    assert (course.total, course.epochs) == (17, 3)
    assert [course.end(done) for done in (0, 6, 7, 14, 16)] == [7, 7, 14, 17, 17]
    assert [done for done in range(1, 18) if course.ends_epoch(done)] == [7, 14, 17]
    assert [done for done in range(1, 18) if course.validates(done)] == [14, 17]


def test_the_rate_warms_up_and_ends_where_it_should() -> None:
    schedule = ScheduleConfig(warmup=0.1, end=0.01)
    rates = [rate(schedule, step, 100) for step in range(100)]
    assert rates[:10] == sorted(rates[:10])
    assert max(rates) == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[99] == pytest.approx(0.01, abs=1e-3)
    assert rate(ScheduleConfig(name="constant", warmup=0), 99, 100) == 1.0


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_the_optimizers_compute_what_torchs_do(name: str) -> None:
    config = OptimizerConfig(name=name, lr=0.1, weight_decay=0.1)
    ours, theirs = (linear() for _ in range(2))
    mine = optimizers.build(config, [ours])
    groups: list[dict[str, Any]] = [{"params": [theirs.weight]}, {"params": [theirs.bias], "weight_decay": 0.0}]
    their = (
        torch.optim.AdamW(groups, lr=0.1, weight_decay=0.1, fused=True)
        if name == "adamw"
        else torch.optim.SGD(groups, lr=0.1, weight_decay=0.1, momentum=config.momentum, fused=True)
    )
    for module, optimizer in ((ours, mine), (theirs, their)):
        for _ in range(3):
            module(torch.ones(2, 4)).square().sum().backward()
            optimizer.step()
            optimizer.zero_grad()
    assert torch.equal(ours.weight, theirs.weight)
    assert torch.equal(ours.bias, theirs.bias)


def test_scales_and_shifts_have_no_weight_decay() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    groups = optimizers.build(OptimizerConfig(weight_decay=0.5), [network]).param_groups
    decays = {id(one): group["weight_decay"] for group in groups for one in group["params"]}
    assert {name: decays[id(one)] for name, one in network.named_parameters()} == {
        "0.weight": 0.5, "0.bias": 0.0, "1.weight": 0.0, "1.bias": 0.0,
    }  # fmt: skip


def test_an_average_follows_closely_at_first_and_slowly_later() -> None:
    network = linear()
    average = Average(network, 0.99)
    with torch.no_grad():
        network.weight += 1
    average.follow(0)
    assert distance(network, average.network) == pytest.approx(0.1, rel=1e-3)
    with torch.no_grad():
        network.weight += 1
    average.follow(10_000)
    assert distance(network, average.network) == pytest.approx(1.1 * 0.99, rel=1e-3)


def test_what_goes_wrong_ahead_is_raised_where_it_is_asked_for() -> None:
    def items() -> Generator[int, None, None]:
        yield 1
        raise ValueError("the second one")

    found = ahead(items(), 2)
    assert next(found) == 1
    with pytest.raises(ValueError, match="the second one"):
        next(found)


def test_whoever_stops_asking_ends_the_making() -> None:
    closed = []

    def items() -> Generator[int, None, None]:
        try:
            yield from range(1000)
        finally:
            closed.append(True)

    found = ahead(items(), 2)
    assert next(found) == 0
    found.close()
    assert closed


def test_the_child_loads_neither_the_compiler_nor_plots_nor_servers() -> None:
    code = """
import sys
from slipway.training.fitting import light
light.import_libraries()
import slipway.training.fitting.fit
import torch
from slipway.training.fitting import optimizers
from slipway.training.config.schema import OptimizerConfig
line = torch.nn.Linear(2, 2)
tuned = optimizers.build(OptimizerConfig(), [line])
line(torch.ones(1, 2)).sum().backward()
tuned.step()
heavy = ("torch._dynamo", "torch._inductor", "matplotlib", "scipy", "pandas", "sklearn", "mlflow", "hydra", "typer")
print([name for name in heavy if name in sys.modules])
import matplotlib, pandas, scipy, torch._dynamo
print(pandas.DataFrame({"a": [1]}).shape, torch._dynamo.graph_break.__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "(1, 1) graph_break"]


def distance(first: nn.Module, second: nn.Module) -> float:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return max(float((one - other).abs().max()) for one, other in pairs)


def linear() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(4, 3)
