"""The compiled simulator against the slow plain-Python one, on random markets, signals and settings."""

from __future__ import annotations

import math
import os
from dataclasses import fields, replace
from itertools import pairwise
from statistics import mean, stdev
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from random_markets import Case, cases
from reference_simulator import Reference, simulate_slowly

from alphafactory.domain.results import EXIT_REASONS, ORDER_ENDS, ORDER_KINDS, Simulation
from alphafactory.domain.risk_events import RISK_ACTIONS, RISK_RULES
from alphafactory.simulation import NUMBERS, measure, prepare, simulate, simulate_account

if TYPE_CHECKING:
    from alphafactory.domain.signals import Signals

THOROUGH = os.environ.get("ALPHAFACTORY_THOROUGH") == "1"
EXAMPLES = settings(
    max_examples=20_000 if THOROUGH else 400,
    derandomize=not THOROUGH,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)

TABLES = ("trades", "orders", "events")
PRICES = {"entry_price", "exit_price", "price", "stop", "take_profit", "stops", "take_profits"}
SHARES = {"quantity", "asked", "filled", "positions", "wanted", "allowed"}
RATIOS = {"mae", "mfe", "weight", "measured", "limit"}
MONEY = {
    *("equity", "cash", "gross_pnl", "net_pnl", "commission", "fees", "slippage", "dividends", "borrow", "risk"),
    *("optimistic_pnl", "interest", "traded_value", "ambiguous_pnl", "initial_capital"),
}

VOCABULARIES = {
    "exit_reason": np.array(EXIT_REASONS),
    "kind": np.array(ORDER_KINDS),
    "end": np.array(ORDER_ENDS),
    "rule": np.array(RISK_RULES),
    "action": np.array(RISK_ACTIONS),
}
"""Names are compared, so that a failing example can be read."""


@EXAMPLES
@given(case=cases())
def test_the_kernel_does_what_the_reference_does(case: Case) -> None:
    slow = run_slowly(case)
    assume(not slow.close_calls)
    assert differences(run_quickly(case), slow) == []


@settings(EXAMPLES, max_examples=EXAMPLES.max_examples // 4)
@given(case=cases())
def test_one_symbol_is_an_account_of_one_symbol_to_the_bit(case: Case) -> None:
    assume(len(case.bars) == 1)
    alone = simulate(
        case.bars[0],
        case.signals,
        case.settings,
        periods_per_year=case.periods_per_year,
        delisted=case.delisted[0],
    )
    account = run_quickly(case)
    for name in (field.name for field in fields(Simulation)):
        ours, theirs = getattr(alone, name), getattr(account, name)
        tables = name in TABLES
        columns = [field.name for field in fields(ours)] if tables else [""]
        for column in columns:
            pair = (getattr(ours, column), getattr(theirs, column)) if tables else (ours, theirs)
            assert np.array_equal(*pair, equal_nan=True), f"{name} {column}"


@settings(EXAMPLES, max_examples=EXAMPLES.max_examples // 4)
@given(case=cases())
def test_the_numbers_of_a_search_are_those_of_the_simulation(case: Case) -> None:
    """Two symbols, the second the first with all targets turned; each has an account of its own."""
    assume(len(case.bars) == 1)
    bars, delisted, both = case.bars[0], case.delisted[0], turned(case.signals)
    words = {"periods_per_year": case.periods_per_year}
    prepared = prepare([bars, bars], case.settings, delisted=[delisted, delisted], **words)
    found = measure(prepared, both, risk_free_rate=0.02)
    assert np.array_equal(found, measure(replace(prepared, short_way=False), both, risk_free_rate=0.02), equal_nan=True)
    for column, numbers in enumerate(found):
        alone = simulate(bars, column_of(both, column), case.settings, delisted=delisted, **words)
        expected = numbers_of(alone, case.periods_per_year, 0.02)
        assume(expected is not None)
        assert dict(zip(NUMBERS, numbers, strict=True)) == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


def turned(signals: Signals) -> Signals:
    """The signals, and beside them the same with the opposite targets."""
    doubled = {
        field.name: np.asfortranarray(np.hstack([array, -array if field.name == "target" else array]))
        for field in fields(signals)
        if isinstance(array := getattr(signals, field.name), np.ndarray)
    }
    return replace(signals, **doubled)


def column_of(signals: Signals, column: int) -> Signals:
    arrays = {field.name: getattr(signals, field.name) for field in fields(signals)}
    return replace(signals, **{n: a[:, column] for n, a in arrays.items() if isinstance(a, np.ndarray)})


def numbers_of(run: Simulation, periods: int, rate: float) -> dict[str, float] | None:
    """The numbers of a search from a whole simulation, by their definitions; None where equity loses its meaning."""
    curve = [run.initial_capital, *run.equity.tolist()]
    if min(curve) <= 0:
        return None
    excess = [now / before - (1 + rate) ** (1 / periods) for before, now in pairwise(curve)]
    deviation = stdev(excess) if len(excess) > 1 else 0.0
    downside = math.sqrt(mean(min(r, 0.0) ** 2 for r in excess))
    closed = run.trades.net_pnl[run.trades.closed].tolist()
    losses = -sum(pnl for pnl in closed if pnl < 0)
    year = math.sqrt(periods)
    return {
        "total_return": curve[-1] / curve[0] - 1,
        "sharpe": mean(excess) / deviation * year if deviation > 0.0 else math.nan,
        "sortino": mean(excess) / downside * year if downside > 0.0 and len(excess) > 1 else math.nan,
        "max_drawdown": min(equity / max(curve[: k + 1]) - 1 for k, equity in enumerate(curve)),
        "n_trades": len(run.trades),
        "n_closed_trades": len(closed),
        "win_rate": sum(pnl > 0 for pnl in closed) / len(closed) if closed else math.nan,
        "profit_factor": sum(pnl for pnl in closed if pnl > 0) / losses if losses > 0 else math.nan,
        "exposure": float(run.invested.mean()),
        "end_equity": curve[-1],
    }


def run_slowly(case: Case) -> Reference:
    return simulate_slowly(
        case.bars, case.signals, case.settings, periods_per_year=case.periods_per_year, delisted=case.delisted
    )


def run_quickly(case: Case) -> Simulation:
    return simulate_account(
        case.bars, case.signals, case.settings, periods_per_year=case.periods_per_year, delisted=case.delisted
    )


def differences(fast: Simulation, slow: Reference) -> list[str]:
    """Everything in which two runs differ by more than 1e-9 of what is at stake, in words."""
    stake = max(slow.initial_capital, np.abs(slow.equity).max(), np.abs(slow.cash).max())
    held = [np.abs(slow.positions).max(), *np.abs(slow.orders.filled), *np.abs(slow.orders.asked)]
    scales = {
        **dict.fromkeys(MONEY, stake),
        **dict.fromkeys(SHARES, max(held)),
        **dict.fromkeys(RATIOS, 1.0),
        **dict.fromkeys(PRICES, 0.0),
    }
    found: list[str] = []

    def compare(name: str, ours: object, theirs: object) -> None:
        first, second = np.asarray(ours), np.asarray(theirs)
        if name in VOCABULARIES:
            first, second = VOCABULARIES[name][first], VOCABULARIES[name][second]
        if first.shape != second.shape or not same(first, second, scales.get(name)):
            found.append(f"{name}: {first.tolist()} instead of {second.tolist()}")

    for field in fields(Simulation):
        ours, theirs = getattr(fast, field.name), getattr(slow, field.name, None)
        if field.name in TABLES:
            for column in fields(ours):
                compare(column.name, getattr(ours, column.name), getattr(theirs, column.name))
        elif field.name != "balance_error":
            compare(field.name, ours, theirs)
    return found


def same(first: np.ndarray, second: np.ndarray, scale: float | None) -> bool:
    """Equal to 1e-9 of the number or of its scale; without a scale, exactly."""
    if scale is None:
        return bool(np.array_equal(first, second))
    return bool(np.allclose(first, second, rtol=1e-9, atol=1e-9 * scale, equal_nan=True))
