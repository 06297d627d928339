"""From a simulation to rows: rows become sessions, and what is undefined becomes NULL with its reason."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pytest
from small_markets import market, model

from alphafactory.domain.results import Simulation
from alphafactory.metrics import METRICS, compute_metrics
from alphafactory.pipeline.fingerprints import Subject
from alphafactory.pipeline.records import Question, backtest_record
from alphafactory.pipeline.simulating import Finished
from alphafactory.simulation import simulate
from alphafactory.store.backtests import _FIELDS, BacktestRecord

BARS = market([10.0, 11.0, 12.0, 11.0, 13.0, 14.0])
SETTINGS = model()
QUESTION = Question(
    "print", Subject("mine", {"n": 3}, "AAA", "US", None, None), 3, "data", 252, ("AAA",), simulated=False, symbol_id=7,
    index_symbol="IDX",
)  # fmt: skip


def record(finished: Finished) -> BacktestRecord:
    return backtest_record(QUESTION, finished, settings=SETTINGS, origin="nightly", job_run_id=1, risk_free_rate=0.0)


def simulated(target: list[float]) -> Finished:
    simulation = simulate(BARS, np.array(target), SETTINGS, delisted=False, name="AAA")
    metrics = compute_metrics(simulation, BARS.sessions, 252, 0.0)
    return Finished("print", "done", BARS.sessions, simulation, metrics)


def test_a_finished_one_carries_its_simulation_on_its_sessions() -> None:
    finished = simulated([1.0, 0.0, 1.0, 1.0, 1.0, 1.0])
    found = record(finished)
    assert isinstance(found.simulation, Simulation)
    assert found.simulation is finished.simulation
    assert found.sessions is finished.sessions
    assert found.symbols == ("AAA",)
    assert (found.values["start_session"], found.values["end_session"]) == (date(2024, 1, 1), date(2024, 1, 6))
    assert (found.values["index_symbol"], found.values["settings"]) == ("IDX", SETTINGS.canonical)


def test_dates_among_the_metrics_are_sessions() -> None:
    metrics = record(simulated([1.0, 1.0, 1.0, 1.0, 1.0, 1.0])).metrics
    # Bought at the open of row 1; row 3 is the only fall, from row 2.
    assert (metrics["max_drawdown_peak"], metrics["max_drawdown_trough"]) == (date(2024, 1, 3), date(2024, 1, 4))
    assert metrics["max_drawdown_recovery"] == date(2024, 1, 5)


def test_every_field_of_the_table_has_a_value_and_every_metric_a_number_or_a_reason() -> None:
    found = record(simulated([0.0] * 6))
    assert set(found.values) == {*_FIELDS, "strategy_id", "symbol_id"}
    assert set(found.metrics) | set(found.values["undefined"]) == {metric.name for metric in METRICS}
    assert "sharpe" in found.values["undefined"]
    assert all(found.values["undefined"].values())
    assert not any(isinstance(value, float) and math.isnan(value) for value in found.metrics.values())


@pytest.mark.parametrize("status", ["failed", "skipped"])
def test_one_without_a_result_keeps_why_and_nothing_else(status: Any) -> None:
    found = record(Finished("print", status, error="it broke"))
    assert set(found.values) == {*_FIELDS, "strategy_id", "symbol_id"}
    assert (found.values["status"], found.values["error"], found.values["scope"]) == (status, "it broke", "AAA")
    assert (found.metrics, found.sessions, found.simulation) == ({}, None, None)
