"""Equity and trades become numbers, each with one definition.

Goes in: a `Simulation`, its sessions, periods per year, the risk-free rate, returns of benchmarks. Comes out: a
`MetricSet`. What each number means stands in `catalogue`; `returns`, `benchmarks` and `trades` compute; `curves` and
`rolling` give the series that a report draws.
"""

from alphafactory.metrics.benchmarks import Benchmarks, aligned_returns, hold_returns
from alphafactory.metrics.catalogue import METRICS, Metric
from alphafactory.metrics.compute import MetricSet, compute_curve_metrics, compute_metrics
from alphafactory.metrics.curves import (
    DrawdownTable,
    drawdown_series,
    drawdown_table,
    monthly_returns,
    simple_returns,
    yearly_returns,
)
from alphafactory.metrics.rolling import rolling_beta, rolling_drawdown, rolling_sharpe, rolling_volatility

__all__ = [
    "METRICS",
    "Benchmarks",
    "DrawdownTable",
    "Metric",
    "MetricSet",
    "aligned_returns",
    "compute_curve_metrics",
    "compute_metrics",
    "drawdown_series",
    "drawdown_table",
    "hold_returns",
    "monthly_returns",
    "rolling_beta",
    "rolling_drawdown",
    "rolling_sharpe",
    "rolling_volatility",
    "simple_returns",
    "yearly_returns",
]
