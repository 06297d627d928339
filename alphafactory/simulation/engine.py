"""Runs one symbol's simulation from judged input to a proven balance.

Goes in: `Bars`, targets, `SimulationSettings`. Comes out: a `Simulation`, whose money adds up to 1e-9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.results import EXIT_REASONS, RefusedOrder, Simulation, Trades
from alphafactory.errors import SimulationError
from alphafactory.simulation.inputs import judged_market, judged_target

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.bars import Bars
    from alphafactory.domain.settings import SimulationSettings

_BALANCE_TOLERANCE = 1e-9


def simulate(
    bars: Bars, target: FloatArray, settings: SimulationSettings, *, delisted: bool = False, name: str = ""
) -> Simulation:
    """Simulate one symbol.

    Args:
        bars: the symbol's bars, n sessions.
        target: shape (n,), in [-1, 1], row t known at session t's close; NaN is flat and counted.
        settings: how orders fill, what they cost and how large they are.
        delisted: the symbol ceased to trade with the last bar, so that a position is paid out at its close.
        name: what to call the symbol in an error.

    Raises:
        SimulationError: impossible input, or money that does not add up.
    """
    from alphafactory.simulation import kernel  # noqa: PLC0415 (Numba is loaded when something is simulated)

    market = judged_market(bars, name)
    wanted, nan_targets = judged_target(target, bars.sessions, name)
    # Each change of target is one order, which begins one trade at most and is refused twice at most.
    orders = 1 + int(np.count_nonzero(wanted[1:] != wanted[:-1]))
    curves, state, counts = np.empty((3, len(bars))), np.zeros(kernel.STATE_COLUMNS), np.zeros(2, np.int64)
    table, refused = np.zeros((orders, kernel.TRADE_COLUMNS)), np.zeros((2 * orders, 3))
    state[kernel.CASH] = capital = settings.initial_capital
    ruined = kernel.run_symbol(
        market,
        wanted,
        0 if settings.fill.name == "same_close" else 1,
        settings.fill.name != "next_open",
        1.0 if settings.sizing.value is None else settings.sizing.value,
        _costs(settings),
        delisted,
        curves,
        state,
        table,
        refused,
        counts,
    )
    equity, cash, position = curves
    trades = _trades(table[: counts[kernel.TRADES]], position, float(market[kernel.CLOSE, -1]))
    dividends = float(state[kernel.DIVIDENDS])
    return Simulation(
        equity=equity,
        cash=cash,
        position=position,
        trades=trades,
        initial_capital=capital,
        commission=float(state[kernel.COMMISSION]),
        slippage=float(state[kernel.SLIPPAGE]),
        dividends=dividends,
        borrow=0.0,
        interest=0.0,
        traded_value=float(state[kernel.TRADED_VALUE]),
        balance_error=_balance_error(capital, trades, dividends, equity, name),
        ruined=bool(ruined),
        refused=tuple(
            RefusedOrder(int(r), float(q), kernel.REFUSALS[int(why)]) for r, q, why in refused[: counts[kernel.REFUSED]]
        ),
        nan_targets=nan_targets,
    )


def warm_up() -> None:
    """Compile the kernel, or load it from the cache, so that the first simulation does not pay for it."""
    from alphafactory.simulation import kernel  # noqa: F401, PLC0415 (importing is compiling: the signature is explicit)


def _costs(settings: SimulationSettings) -> FloatArray:
    """Return the costs in the kernel's order: slippage, commission, money a raw share, minimum, whole shares."""
    commission = settings.commission
    value = commission.value or 0.0
    return np.array(
        [
            (settings.slippage.value or 0.0) / 1e4,
            value / 1e4 if commission.name == "bps" else 0.0,
            value if commission.name == "per_share" else 0.0,
            commission.options.get("min", 0.0),
            1.0 if settings.shares.name == "whole" else 0.0,
        ]
    )


def _trades(table: FloatArray, position: FloatArray, last_close: float) -> Trades:
    from alphafactory.simulation import kernel  # noqa: PLC0415 (Numba is loaded when something is simulated)

    columns = np.ascontiguousarray(table.T)
    exit_row = columns[kernel.EXIT_ROW].astype(np.int64)
    entry_row = columns[kernel.ENTRY_ROW].astype(np.int64)
    closed = exit_row >= 0
    # Only the last trade can be open; its profit so far is its cash flows and what the position is worth.
    net = columns[kernel.PROFIT] + np.where(closed, 0.0, position[-1] * last_close)
    commission, slippage = columns[kernel.TRADE_COMMISSION], columns[kernel.TRADE_SLIPPAGE]
    reasons = np.array([EXIT_REASONS.index(name) for name in kernel.EXITS])
    exit_price = np.full(len(table), np.nan)
    np.divide(columns[kernel.EXIT_VALUE], columns[kernel.EXIT_QUANTITY], out=exit_price, where=closed)
    return Trades(
        entry_row=entry_row,
        entry_price=columns[kernel.ENTRY_VALUE] / columns[kernel.ENTRY_QUANTITY],
        exit_row=exit_row,
        exit_price=exit_price,
        exit_reason=reasons[columns[kernel.REASON].astype(np.int64)],
        quantity=columns[kernel.LARGEST],
        gross_pnl=net + commission + slippage,
        net_pnl=net,
        commission=commission,
        slippage=slippage,
        dividends=columns[kernel.TRADE_DIVIDENDS],
        mae=columns[kernel.MAE],
        mfe=columns[kernel.MFE],
        bars_held=np.where(closed, exit_row, len(position)) - entry_row,
    )


def _balance_error(capital: float, trades: Trades, dividends: float, equity: FloatArray, name: str) -> float:
    """Return the relative breach of start + profits + dividends = end; the trades and the cash were kept apart."""
    end = float(equity[-1])
    scale = max(capital, float(np.abs(equity).max()))
    error = abs(capital + float(trades.net_pnl.sum()) + dividends - end) / scale
    if not error <= _BALANCE_TOLERANCE:
        raise SimulationError(
            f"{name or 'A simulation'}: start, profits and dividends miss the end equity {end:.2f} by {error:.1e}. "
            "The result is not kept; report the symbol and the settings as a defect."
        )
    return error
