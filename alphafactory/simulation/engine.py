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
from alphafactory.simulation.mandates import encode_calendar, encode_mandate, judge_mandate, returns_of
from alphafactory.simulation.rules import encode_rules, fees_of_sales, judge_against_signals, needed_estimates
from alphafactory.simulation.tables import events_of, orders_of, trades_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.arrays import DateArray, FloatArray, IntArray
    from alphafactory.domain.bars import Bars
    from alphafactory.domain.mandate import Mandate
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
    mandate: Mandate | None = None


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
    mandate: Mandate | None = None,
) -> Simulation:
    """Simulate several symbols that share one account, on the sessions in which any of them trades.

    Signals have a row for each of `joint_sessions(bars)` and a column for each symbol; the other arguments are those of
    `simulate`. One symbol gives what `simulate` gives, to the bit. A mandate adds limits and rebalances, and what they
    did stands in the result's `events`.

    Raises:
        SimulationError: impossible input, or money that does not add up.
    """
    question = _Question(
        bars, joint_sessions(bars), delisted or [False] * len(bars), names, leaps=False, mandate=mandate
    )
    return _run(question, signals, settings, periods_per_year)


def warm_up() -> None:
    """Compile the kernel, or load it from the cache, so that the first simulation does not pay for it."""
    load_kernel()
    importlib.import_module("alphafactory.simulation.estimates")  # importing is compiling: signatures are explicit


def complete_market(
    market: FloatArray, sessions: DateArray, settings: SimulationSettings, mandate: Mandate | None = None
) -> FloatArray:
    """Return the market with the estimates, fees and returns that are asked for, shape (symbols, 8 or 18, n)."""
    needed = needed_estimates(settings)
    correlated = mandate is not None and mandate.limits.max_correlated > 0
    if mandate is not None and mandate.rules.risk_aversion > 0.0:
        needed |= {int(at.SIGMA)}
    if not needed and not settings.sell_fees and not correlated:
        return market
    load_kernel()
    from alphafactory.simulation.estimates import compute_estimates  # noqa: PLC0415  compiled as well
    from alphafactory.simulation.judging import measure_windows  # noqa: PLC0415  compiled as well

    symbols, _, count = market.shape
    whole = np.empty((symbols, at.WHOLE_MARKET, count))
    whole[:, : at.PLAIN_MARKET] = market
    offsets = [row - int(at.ATR) for row in needed]
    for block in whole:
        block[at.ATR : at.SPREAD + 1] = compute_estimates(
            block[at.HIGH], block[at.LOW], block[at.CLOSE], block[at.VOLUME], offsets
        )
        if mandate is not None and correlated:
            block[at.RETURN] = returns_of(block[at.CLOSE])
            window = mandate.limits.correlation_sessions
            measure_windows(block[at.RETURN], window, block[at.RETURN_LEVEL], block[at.RETURN_SPREAD])
    whole[:, at.FEE_RATE : at.RETURN] = fees_of_sales(settings, sessions)
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


def _run(
    question: _Question, signals: FloatArray | Signals, settings: SimulationSettings, periods_per_year: int
) -> Simulation:
    sessions, names = question.sessions, question.names
    market = judged_market(question.bars, names, sessions)
    market = complete_market(market, sessions, settings, question.mandate)
    judged, nan_targets = judged_signals(signals, sessions, len(question.bars), names)
    judge_against_signals(settings, judged)
    rules = encode_rules(settings, distances=judged.distances, periods_per_year=periods_per_year, leaps=question.leaps)
    traits = traits_of(market, question.delisted, settings, question.mandate, rules)
    calendar = encode_calendar(sessions, settings, question.mandate)
    run = _filled(market, stacked(judged), calendar, rules, traits)
    sectors = np.zeros(1, np.int64) if question.mandate is None else np.unique(question.mandate.sectors)
    return prove_balance(_result(run, settings, nan_targets, sectors), ", ".join(names))


@dataclass(frozen=True, slots=True)
class _Run:
    """The kernel's arrays after a run."""

    state: FloatArray
    trades: FloatArray
    orders: FloatArray
    events: FloatArray
    curves: FloatArray
    holdings: FloatArray


def _filled(
    market: FloatArray, signals: FloatArray, calendar: FloatArray, rules: FloatArray, traits: FloatArray
) -> _Run:
    """Run the kernel, again with longer tables where the first ones were too short: it always does the same."""
    kernel = load_kernel()  # loads Numba, which only a simulation needs
    symbols, count = len(market), market.shape[2]
    rows = _rows_at_first(signals[:, at.TARGET], calendar[at.REBALANCE], rules)
    while True:
        run = _Run(
            state=np.empty((symbols + 1, at.COLUMNS)),
            trades=np.empty((rows[0], at.TRADE_COLUMNS)),
            orders=np.empty((rows[1], at.ORDER_COLUMNS)),
            events=np.empty((rows[2], at.EVENT_COLUMNS)),
            curves=np.empty((2, count)),
            holdings=np.full((symbols, 3, count), np.nan),
        )
        run.holdings[:, at.POSITION_CURVE] = 0.0
        kernel.run(
            market, signals, calendar, rules, traits, run.state, run.trades, run.orders, run.events, run.curves,
            run.holdings, np.empty((0, 1)),
        )  # fmt: skip
        needed = tuple(int(run.state[-1, column]) for column in (at.TRADES, at.ORDERS, at.EVENTS))
        if all(need <= have for need, have in zip(needed, rows, strict=True)):
            tables = (table[:need] for table, need in zip((run.trades, run.orders, run.events), needed, strict=True))
            trades, orders, events = tables
            return replace(run, trades=trades, orders=orders, events=events)
        rows = tuple(max(need, have) for need, have in zip(needed, rows, strict=True))


def _rows_at_first(target: FloatArray, rebalances: FloatArray, rules: FloatArray) -> tuple[int, ...]:
    """Return for how many trades, orders and events there is room at first: what usually suffices."""
    symbols, sessions = target.shape
    changes = int(np.count_nonzero(target[:, 1:] != target[:, :-1])) + int(np.count_nonzero(target[:, 0]))
    trades = changes + symbols
    if rules[at.IMMEDIATE] != 0.0:
        trades = symbols * (_FILLS_A_SESSION * sessions + 1)
    traded_back = int(np.count_nonzero(rebalances)) * symbols
    events = changes + traded_back + _FILLS_A_SESSION * sessions if rules[at.MANDATED] != 0.0 else 0
    return trades, 2 * trades + traded_back, events


def _result(run: _Run, settings: SimulationSettings, nan_targets: int, sectors: IntArray) -> Simulation:
    account = run.state[-1]
    positions, stops, takes = (np.ascontiguousarray(run.holdings[:, row].T) for row in range(3))
    return Simulation(
        equity=run.curves[at.EQUITY],
        cash=run.curves[at.CASH_CURVE],
        positions=positions,
        stops=np.where(np.isinf(stops), np.nan, stops),
        take_profits=np.where(np.isinf(takes), np.nan, takes),
        trades=trades_of(run.trades, positions, run.state[:-1, at.LAST]),
        orders=orders_of(run.orders),
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
        events=events_of(run.events, sectors),
    )


def traits_of(
    market: FloatArray,
    delisted: Sequence[bool],
    settings: SimulationSettings,
    mandate: Mandate | None,
    rules: FloatArray,
) -> FloatArray:
    """Return each symbol's last row if it was delisted, else -1, and its sector, shape (2, symbols).

    The rules learn that one account holds all symbols, and its mandate.

    Raises:
        SimulationError: a mandate that does not fit.
    """
    symbols, _, count = market.shape
    traits = np.zeros((2, symbols))
    traits[0] = -1.0
    for symbol in np.flatnonzero(delisted):
        traits[0, symbol] = np.flatnonzero(market[symbol, at.STATE] != at.NO_BAR)[-1]
    rules[at.JOINT] = 1.0
    if mandate is not None:
        codes = judge_mandate(mandate, settings, count, symbols)
        encode_mandate(mandate, int(codes.max()) + 1, rules)
        traits[1] = codes
    return traits


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
