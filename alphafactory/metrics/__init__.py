"""Equity and trades become numbers, each with one definition.

Goes in: a `Simulation`, its sessions, periods per year, the risk-free rate. Comes out: a `MetricSet`. What each number
means stands in `catalogue`; `returns` and `trades` compute; `curves` gives the series that a report draws.
"""

from alphafactory.metrics.catalogue import METRICS, Metric
from alphafactory.metrics.compute import MetricSet, compute_metrics
from alphafactory.metrics.curves import drawdown_series, monthly_returns, simple_returns, yearly_returns

__all__ = [
    "METRICS",
    "Metric",
    "MetricSet",
    "compute_metrics",
    "drawdown_series",
    "monthly_returns",
    "simple_returns",
    "yearly_returns",
]
