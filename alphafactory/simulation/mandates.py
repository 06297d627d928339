"""A mandate and the calendar as the numbers that compiled code reads.

Goes in: a `Mandate`, the sessions, closes. Comes out: rules, a calendar of shape (5, sessions), returns.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.mandate import BREAKER_ACTIONS
from alphafactory.errors import SimulationError
from alphafactory.simulation import layout as at

if TYPE_CHECKING:
    from alphafactory.domain.arrays import DateArray, FloatArray, IntArray
    from alphafactory.domain.mandate import Mandate
    from alphafactory.domain.settings import SimulationSettings

_LIMITS = {
    at.MAX_POSITION: "max_position",
    at.MAX_SECTOR: "max_sector",
    at.MAX_CORRELATED: "max_correlated",
    at.CORRELATED_ABOVE: "correlated_above",
    at.WINDOW: "correlation_sessions",
    at.MAX_POSITIONS: "max_positions",
    at.TRADE_LOSS: "trade_loss",
    at.DAY_LOSS: "day_loss",
    at.WEEK_LOSS: "week_loss",
    at.DRAWDOWN: "drawdown",
    at.COOL_DOWN: "cool_down",
}
_BREAKERS = {at.DAY_ACTION: "day_action", at.WEEK_ACTION: "week_action", at.DRAWDOWN_ACTION: "drawdown_action"}
_SATURDAY, _DAYS_A_WEEK = 5, 7


def encode_mandate(mandate: Mandate, sectors: int, rules: FloatArray) -> None:
    """Put a mandate among the rules, shape (RULES,); `sectors` is their number."""
    limits, trading = mandate.limits, mandate.rules
    rules[at.MANDATED], rules[at.REBALANCES], rules[at.SECTORS] = 1.0, mandate.rebalances, sectors
    for rule, name in _LIMITS.items():
        rules[rule] = getattr(limits, name)
    for rule, name in _BREAKERS.items():
        rules[rule] = BREAKER_ACTIONS.index(getattr(limits, name))
    rules[at.RESERVE] = limits.cash_reserve if limits.cash_reserve > 0.0 else -math.inf
    rules[at.DRIFT], rules[at.BAND], rules[at.TURNOVER] = trading.drift, trading.band, trading.turnover
    rules[at.AVERSION], rules[at.COST_SESSIONS] = trading.risk_aversion, trading.cost_sessions


def judge_mandate(mandate: Mandate, settings: SimulationSettings, sessions: int, symbols: int) -> IntArray:
    """Return the symbols' sectors by codes from 0 without gaps, shape (symbols,).

    Raises:
        SimulationError: arrays of another shape, or rebalances of positions whose size is no share of equity.
    """
    if mandate.rebalance.shape != (sessions,) or mandate.sectors.shape != (symbols,):
        raise SimulationError(
            f"The mandate has {mandate.rebalance.shape} rebalances for {sessions} sessions and {mandate.sectors.shape} "
            f"sectors for {symbols} symbols. Give one of each."
        )
    if mandate.rebalances and settings.sizing.name != "all_in":
        raise SimulationError(
            f"sizing: {settings.sizing} has no weights to rebalance to. Write sizing: all_in, or never rebalance."
        )
    codes: IntArray = np.unique(mandate.sectors, return_inverse=True)[1]
    return codes


def encode_calendar(sessions: DateArray, settings: SimulationSettings, mandate: Mandate | None) -> FloatArray:
    """Return what the kernel asks of the dates, shape (5, n): see `layout`."""
    days = sessions.astype("datetime64[D]")
    calendar = np.zeros((5, len(days)))
    calendar[at.DAYS, 1:] = np.diff(days).astype(np.float64)
    calendar[at.LEVERAGE_AT] = settings.leverage
    if mandate is not None:
        numbers = days.astype(np.int64)
        weeks = _weeks(numbers)
        calendar[at.REBALANCE], calendar[at.WEEK] = mandate.rebalance, weeks
        calendar[at.WEEK_GOES_ON, :-1] = weeks[1:] == weeks[:-1]
        calendar[at.WEEK_GOES_ON, -1] = _weeks(_next_day(numbers))[0] == weeks[-1]
        for since, leverage in mandate.limits.leverage_schedule:
            calendar[at.LEVERAGE_AT, days >= np.datetime64(since, "D")] = leverage
    return calendar


def _weeks(days: IntArray) -> IntArray:
    """Return a number for each day's week from Monday to Sunday; day 0 was a Thursday."""
    return (days + 3) // _DAYS_A_WEEK


def _next_day(days: IntArray) -> IntArray:
    """Return the day after the last on which the market may open: no weekend where it never opened on one."""
    weekdays = (days + 3) % _DAYS_A_WEEK
    after = int(days[-1]) + 1
    if not (weekdays >= _SATURDAY).any():
        while (after + 3) % _DAYS_A_WEEK >= _SATURDAY:
            after += 1
    return np.array([after])


def returns_of(closes: FloatArray) -> FloatArray:
    """Return close over the last known close, less 1, shape (n,): 0 without a bar, NaN up to the first bar.

    Args:
        closes: shape (n,), NaN in sessions without a bar.
    """
    present = np.flatnonzero(~np.isnan(closes))
    returns = np.zeros(len(closes))
    returns[: present[0] + 1] = np.nan
    known = closes[present]
    returns[present[1:]] = known[1:] / known[:-1] - 1.0
    return returns
