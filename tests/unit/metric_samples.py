"""Simulations, trades and equity curves made by hand, for the tests of the metrics."""

from __future__ import annotations

import csv
import functools
import gzip
import itertools
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.domain.results import ORDER_ENDS, Orders, Simulation, Trades
from alphafactory.metrics import Benchmarks, MetricSet, compute_metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

START = 1000.0
RATE = 0.03
REAL_PRICES = Path(__file__).parents[3] / "shared" / "data" / "sp500_daily_2015_2020.csv.gz"


def days(count: int) -> np.ndarray:
    return np.datetime64("2020-01-01") + np.arange(count)


def trades_of(profits: Sequence[float], open_profit: float | None = None, **changes: Any) -> Trades:
    """Make one trade a session with these net profits, and an open one at the end if asked for; none has a stop."""
    net = np.array([*profits, *([] if open_profit is None else [open_profit])], float)
    count = len(net)
    columns: dict[str, Any] = {field.name: np.zeros(count) for field in fields(Trades)}
    rows = np.arange(count)
    columns |= {"symbol": rows * 0, "entry_row": rows, "exit_row": np.where(rows < len(profits), rows + 2, -1)}
    columns |= {"gross_pnl": net, "net_pnl": net, "bars_held": rows + 1, "risk": np.full(count, np.nan)}
    columns |= {"ambiguous": rows < 0, "optimistic_pnl": np.full(count, np.nan), "exit_reason": rows * 0 + 1}
    return Trades(**(columns | changes))


def orders_of(*ends: str) -> Orders:
    """Make orders that ended so."""
    columns: dict[str, Any] = {field.name: np.zeros(len(ends)) for field in fields(Orders)}
    return Orders(**(columns | {"end": np.array([ORDER_ENDS.index(end) for end in ends], dtype=np.int64)}))


def run(equity: Sequence[float] | np.ndarray, trades: Trades | None = None, **changes: Any) -> Simulation:
    curve = np.array(equity, float)
    nothing = np.full((len(curve), 1), np.nan)
    plain: dict[str, Any] = {
        "equity": curve, "cash": curve, "positions": np.zeros((len(curve), 1)), "stops": nothing,
        "take_profits": nothing, "trades": trades or trades_of([]), "orders": orders_of(), "initial_capital": START,
        "commission": 0.0, "fees": 0.0, "slippage": 0.0, "dividends": 0.0, "borrow": 0.0, "interest": 0.0,
        "traded_value": 0.0, "ambiguous_pnl": 0.0, "balance_error": 0.0, "ruined": False, "nan_targets": 0,
    }  # fmt: skip
    return Simulation(**(plain | changes))


def measure(
    equity: Sequence[float] | np.ndarray,
    trades: Trades | None = None,
    benchmarks: Benchmarks = Benchmarks(),  # noqa: B008  frozen
    **changes: Any,
) -> MetricSet:
    return compute_metrics(run(equity, trades, **changes), days(len(equity)), 252, RATE, benchmarks=benchmarks)


def real_curves() -> Iterator[np.ndarray]:
    """Yield equity of holding real stocks, where the shared prices are at hand."""
    wanted = {"AAPL", "GE", "NVDA"}
    closes: dict[str, list[float]] = {symbol: [] for symbol in wanted}
    with gzip.open(REAL_PRICES, "rt") as file:
        for row in csv.DictReader(file):
            if row["symbol"] in wanted and row["adj_close"]:
                closes[row["symbol"]].append(float(row["adj_close"]))
    for series in closes.values():
        yield START * np.array(series[1:]) / series[0]


def random_curves() -> Iterator[np.ndarray]:
    for seed, (count, size) in enumerate(itertools.product([5, 60, 1259], [0.0005, 0.01, 0.08])):
        draw = np.random.default_rng(seed)
        yield START * np.cumprod(1 + np.clip(draw.standard_t(4, count) * size + size / 20, -0.8, 2.0))


@functools.cache
def curves() -> list[np.ndarray]:
    falls_at_once = START * np.cumprod([0.9, 1.05, 1.02, 0.99, 1.3])
    return [*random_curves(), falls_at_once, *(real_curves() if REAL_PRICES.exists() else ())]
