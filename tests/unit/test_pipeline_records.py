"""From a simulation to rows: rows become sessions, and what is undefined becomes NULL with its reason."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest
from small_markets import market, model

from alphafactory.domain.market import Listing
from alphafactory.metrics import METRICS, compute_metrics
from alphafactory.pipeline.fingerprints import Subject
from alphafactory.pipeline.records import Question, backtest_record
from alphafactory.pipeline.simulating import Finished
from alphafactory.simulation import simulate
from alphafactory.store.backtests import _FIELDS, TRADE_FIELDS, BacktestRecord
from alphafactory.store.symbols import SymbolRow

BARS = market([10.0, 11.0, 12.0, 11.0, 13.0, 14.0])
SETTINGS = model()
QUESTION = Question(
    "print", Subject("mine", {"n": 3}, "AAA", "US", None, None), SymbolRow(7, Listing("AAA"), "csv", simulated=False),
    3, "data", 252,
)  # fmt: skip


def record(finished: Finished) -> BacktestRecord:
    return backtest_record(QUESTION, finished, settings=SETTINGS, origin="nightly", job_run_id=1, risk_free_rate=0.0)


def simulated(target: list[float]) -> Finished:
    simulation = simulate(BARS, np.array(target), SETTINGS, delisted=False, name="AAA")
    return Finished("print", BARS.sessions, simulation, compute_metrics(simulation, BARS.sessions, 252, 0.0))


def test_trades_carry_sessions_and_an_open_one_has_no_exit() -> None:
    found = record(simulated([1.0, 0.0, 1.0, 1.0, 1.0, 1.0]))
    first, second = (dict(zip(TRADE_FIELDS, trade, strict=True)) for trade in found.trades)
    assert (first["number"], first["entry_session"], first["exit_session"]) == (1, date(2024, 1, 2), date(2024, 1, 3))
    assert (first["entry_price"], first["exit_price"], first["exit_reason"]) == (11.0, pytest.approx(12.0), "signal")
    assert (second["entry_session"], second["exit_session"], second["exit_price"], second["exit_reason"]) == (
        date(2024, 1, 4), None, None, None,
    )  # fmt: skip


def test_every_field_of_the_table_has_a_value_and_every_metric_a_number_or_a_reason() -> None:
    found = record(simulated([0.0] * 6))
    assert set(found.values) == set(_FIELDS)
    assert found.trades == []
    assert set(found.metrics) | set(found.values["undefined"]) == {metric.name for metric in METRICS}
    assert "sharpe" in found.values["undefined"]
    assert all(found.values["undefined"].values())
    assert not any(isinstance(value, float) and math.isnan(value) for value in found.metrics.values())


def test_a_failed_one_keeps_its_error_and_nothing_else() -> None:
    found = record(Finished("print", error="it broke"))
    assert set(found.values) == set(_FIELDS)
    assert (found.values["status"], found.values["error"], found.values["scope"]) == ("failed", "it broke", "AAA")
    assert (found.metrics, found.trades, found.curve) == ({}, (), None)
