"""`slipway flow` where somebody asks for what a flow cannot do."""

import pytest
from typer.testing import CliRunner

from slipway.pipelines.cli.flow import app
from slipway.platform.errors import WrongUse


@pytest.mark.parametrize("said", [("batch=8",), ("--budget", "5")])
@pytest.mark.parametrize("flow", ["rollout", "watch", "ingest"])
def test_what_is_said_of_a_training_is_refused_by_a_flow_that_trains_nothing(flow: str, said: tuple[str, ...]) -> None:
    refused = CliRunner().invoke(app, ["run", flow, "bay-occupancy", *said]).exception
    assert isinstance(refused, WrongUse)
    assert f"{flow} trains nothing" in str(refused)


@pytest.mark.parametrize("words", [("run", "retrain"), ("step", "train")])
def test_a_budget_is_an_amount(words: tuple[str, ...]) -> None:
    refused = CliRunner().invoke(app, [*words, "bay-occupancy", "--budget", "much"]).exception
    assert isinstance(refused, WrongUse)
    assert "12.50" in (refused.mend or "")
