"""Runs a simulation from judged input to a proven balance.

Goes in: bars, signals, settings. Comes out: a `Simulation`, whose money adds up to 1e-9.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.results import Simulation
from alphafactory.errors import SimulationError
from alphafactory.simulation import layout as at
from alphafactory.simulation.cache import load_kernel
from alphafactory.simulation.inputs import joint_sessions, judged_market, judged_signals
from alphafactory.simulation.rules import encode_rules, fees_of_sales, judge_against_signals, needed_estimates
from alphafactory.simulation.tables import orders_of, trades_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.domain.bars import Bars
    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.domain.signals import Signals
    from alphafactory.simulation.inputs import JudgedSignals

_BALANCE_TOLERANCE = 1e-9
_FILLS_A_SESSION = 4
"""An exit, two entries and a stop: more cannot happen to a symbol in one session."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What is to be simulated; `leaps` lets the account of one symbol skip sessions without events."""

    bars: Sequence[Bars]
    sessions: DateArray
    delisted: Sequence[bool]
    names: Sequence[str]
    leaps: bool = True


def simulate(
    bars: Bars,
    signals: FloatArray | Signals,
    settings: SimulationSettings,
    *,
    periods_per_year: int = 252,
    delisted: bool = False,
    name: str = "",
) -> Simulation:
    """Simulate one symbol.

    Args:
        bars: the symbol's bars, n sessions.
        signals: targets of shape (n,) or (n, 1), or `Signals` of such arrays; row t known at session t's close.
        settings: how orders arise, fill and end, what they cost and how large they are.
        periods_per_year: by which volatility is made annual.
        delisted: the symbol ceased to trade with the last bar, so that a position is paid out at its close.
        name: what to call the symbol in an error.

    Raises:
        SimulationError: impossible input, or money that does not add up.
    """
    return _run(
        _Question((bars,), bars.sessions, (delisted,), (name,) if name else ()), signals, settings, periods_per_year
    )


def simulate_account(
    bars: Sequence[Bars],
    signals: FloatArray | Signals,
    settings: SimulationSettings,
    *,
    periods_per_year: int = 252,
    delisted: Sequence[bool] = (),
    names: Sequence[str] = (),
) -> Simulation:
    """Simulate several symbols that share one account, on the sessions in which any of them trades.

    Signals have a row for each of `joint_sessions(bars)` and a column for each symbol; the other arguments are those of
    `simulate`. One symbol gives what `simulate` gives, to the bit.

    Raises:
        SimulationError: impossible input, or money that does not add up.
    """
    question = _Question(bars, joint_sessions(bars), delisted or [False] * len(bars), names, leaps=False)
    return _run(question, signals, settings, periods_per_year)


def warm_up() -> None:
    """Compile the kernel, or load it from the cache, so that the first simulation does not pay for it."""
    load_kernel()
    importlib.import_module("alphafactory.simulation.estimates")  # importing is compiling: signatures are explicit


def complete_market(market: FloatArray, sessions: DateArray, settings: SimulationSettings) -> FloatArray:
    """Return the market with the estimates and fees that the settings use, shape (symbols, 8 or 15, n)."""
    needed = needed_estimates(settings)
    if not needed and not settings.sell_fees:
        return market
    load_kernel()
    from alphafactory.simulation.estimates import compute_estimates  # noqa: PLC0415  compiled as well

    symbols, _, count = market.shape
    whole = np.empty((symbols, at.WHOLE_MARKET, count))
    whole[:, : at.PLAIN_MARKET] = market
    offsets = [row - int(at.ATR) for row in needed]
    for block in whole:
        block[at.ATR : at.SPREAD + 1] = compute_estimates(
            block[at.HIGH], block[at.LOW], block[at.CLOSE], block[at.VOLUME], offsets
        )
    whole[:, at.FEE_RATE :] = fees_of_sales(settings, sessions)
    return whole


def stacked(signals: JudgedSignals) -> FloatArray:
    """Return the signals as one array for the kernel, shape (symbols, 1 or 7, n)."""
    arrays = (
        signals.entry_limit, signals.entry_stop, signals.stop, signals.take_profit, signals.good_for, signals.priority,
    )  # fmt: skip
    if all(array is None for array in arrays):
        return signals.target[:, None, :]
    symbols, count = signals.target.shape
    block = np.full((symbols, at.ALL_SIGNALS, count), np.nan)
    block[:, at.TARGET] = signals.target
    block[:, at.PRIORITY] = 0.0
    for row, array in enumerate(arrays, start=1):
        if array is not None:
            block[:, row] = array
    return block


def calendar_days(sessions: DateArray) -> FloatArray:
    """Return the calendar days since the session before, 0 for the first, shape (n,)."""
    days = np.zeros(len(sessions))
    days[1:] = np.diff(sessions.astype("datetime64[D]")).astype(np.float64)
    return days


def _run(
    question: _Question, signals: FloatArray | Signals, settings: SimulationSettings, periods_per_year: int
) -> Simulation:
    kernel = load_kernel()  # loads Numba, which only a simulation needs
    sessions, names, symbols = question.sessions, question.names, len(question.bars)
    market = complete_market(judged_market(question.bars, names, sessions), sessions, settings)
    judged, nan_targets = judged_signals(signals, sessions, symbols, names)
    judge_against_signals(settings, judged)
    rules = encode_rules(settings, distances=judged.distances, periods_per_year=periods_per_year, leaps=question.leaps)
    ends = [np.flatnonzero(block[at.STATE] != at.NO_BAR)[-1] for block in market]
    delisted = np.where(question.delisted, ends, -1.0)
    most = _most_orders(judged.target, settings)
    state = np.empty((symbols + 1, at.COLUMNS))
    trades, orders = np.empty((most, at.TRADE_COLUMNS)), np.empty((2 * most, at.ORDER_COLUMNS))
    curves, holdings = np.empty((2, len(sessions))), np.full((symbols, 3, len(sessions)), np.nan)
    kernel.run(
        market, stacked(judged), calendar_days(sessions), rules, delisted, state, trades, orders, curves, holdings,
        np.empty((0, 1)),
    )  # fmt: skip
    account = state[-1]
    positions, stops, takes = (np.ascontiguousarray(holdings[:, row].T) for row in range(3))
    found = trades_of(trades[: int(account[at.TRADES])], positions, state[:-1, at.LAST])
    result = Simulation(
        equity=curves[at.EQUITY],
        cash=curves[at.CASH_CURVE],
        positions=positions,
        stops=np.where(np.isinf(stops), np.nan, stops),
        take_profits=np.where(np.isinf(takes), np.nan, takes),
        trades=found,
        orders=orders_of(orders[: int(account[at.ORDERS])]),
        initial_capital=settings.initial_capital,
        commission=float(account[at.COMMISSION]),
        fees=float(account[at.FEES]),
        slippage=float(account[at.SLIPPAGE_TOTAL]),
        dividends=float(account[at.DIVIDENDS]),
        borrow=float(account[at.BORROW_TOTAL]),
        interest=float(account[at.INTEREST_TOTAL]),
        traded_value=float(account[at.TRADED_VALUE]),
        ambiguous_pnl=float(account[at.AMBIGUOUS_PNL]),
        balance_error=0.0,
        ruined=bool(account[at.RUINED]),
        nan_targets=nan_targets,
    )
    return prove_balance(result, ", ".join(names))


def _most_orders(target: FloatArray, settings: SimulationSettings) -> int:
    """Return how many trades, and half of how many orders, there can be at most."""
    symbols, sessions = target.shape
    if settings.reentry.name == "immediate":
        return symbols * (_FILLS_A_SESSION * sessions + 1)
    changes = int(np.count_nonzero(target[:, 1:] != target[:, :-1])) + int(np.count_nonzero(target[:, 0]))
    return changes + symbols


def prove_balance(result: Simulation, name: str) -> Simulation:
    """Return the result with its breach of start + profits + carry = end; trades and cash were kept apart.

    Raises:
        SimulationError: the breach is larger than 1e-9 of what was at stake.
    """
    end = float(result.equity[-1])
    scale = max(result.initial_capital, float(np.abs(result.equity).max()))
    profits = float(result.trades.net_pnl.sum())
    expected = result.initial_capital + profits + result.dividends + result.interest - result.borrow
    error = abs(expected - end) / scale
    if not error <= _BALANCE_TOLERANCE:
        raise SimulationError(
            f"{name or 'A simulation'}: start, profits, dividends, interest and borrow miss the end equity {end:.2f} "
            f"by {error:.1e}. The result is not kept; report the symbol and the settings as a defect."
        )
    return replace(result, balance_error=error)
