"""The settings as the numbers that compiled code reads.

Goes in: `SimulationSettings`. Comes out: an array of shape (RULES,), and the estimates that these settings need.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.errors import SimulationError
from alphafactory.simulation import layout as at

if TYPE_CHECKING:
    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.domain.grammar import Distance
    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.simulation.inputs import JudgedSignals

_FILLS = ("next_open", "next_close", "next_mid", "next_typical", "same_close")
_ENTRIES = ("market", "limit", "stop", "stop_limit")
_TRAILS = ("none", "percent", "atr", "chandelier")
_SLIPPAGES = ("bps", "per_share", "half_spread", "atr", "volume_share", "sqrt_impact")
_SIZINGS = ("percent", "cash", "shares", "risk", "atr", "vol_target", "kelly")
_UNITS = {"%": at.PERCENT, "atr": at.IN_ATR, "R": at.IN_R}
_INTERACTIVE_BROKERS = (0.005, 1.0, 0.01)
"""Money a share, least money, most of the value: the fixed plan for shares of the United States."""


def encode_rules(settings: SimulationSettings, *, distances: bool, periods_per_year: int, leaps: bool) -> FloatArray:
    """Return the settings as the kernel's rules; `leaps` is for accounts of one symbol.

    `sweep` sets what else a search needs: PLAIN, for its short way, and the risk-free return of one period.
    """
    rules = np.zeros(at.RULES)
    rules[at.FILL] = _FILLS.index(settings.fill.name)
    rules[at.AUCTION] = settings.resting.name == "auction"
    rules[at.ENTRY] = _ENTRIES.index(settings.entry.name)
    rules[at.ENTRY_DISTANCE] = settings.entry.value or 0.0
    rules[at.ENTRY_IN_ATR] = settings.entry.unit == "atr"
    rules[at.ENTRY_BEYOND] = settings.entry.options.get("limit", 0.0)
    rules[at.LIFE] = settings.good_for
    _encode_levels(settings, rules)
    _encode_costs(settings, rules)
    _encode_sizes(settings, rules)
    rules[at.BORROW], rules[at.INTEREST] = settings.borrow, settings.interest
    rules[at.MARGIN_INTEREST] = settings.margin_interest
    rules[at.DELISTING_RETURN] = settings.delisting_return
    rules[at.ANNUAL] = math.sqrt(periods_per_year)
    rules[at.DISTANCES], rules[at.LEAPS], rules[at.CAPITAL] = distances, leaps, settings.initial_capital
    rules[at.SECTORS], rules[at.RESERVE] = 1.0, -math.inf
    needed = _needed_to_fill(settings)
    for rule, estimate in (
        (at.NEEDS_ATR, at.ATR), (at.NEEDS_SIGMA, at.SIGMA), (at.NEEDS_ADV, at.ADV), (at.NEEDS_SPREAD, at.SPREAD),
    ):  # fmt: skip
        rules[rule] = int(estimate) in needed
    return rules


def _encode_levels(settings: SimulationSettings, rules: FloatArray) -> None:
    for amount, unit, distance in (
        (at.STOP, at.STOP_UNIT, settings.stop),
        (at.TAKE, at.TAKE_UNIT, settings.take_profit),
        (at.BREAK, at.BREAK_UNIT, settings.break_even),
    ):
        rules[unit] = at.NO_LEVEL if distance is None else _UNITS[distance.unit]
        rules[amount] = 0.0 if distance is None else distance.amount
    rules[at.TRAIL_MODEL] = _TRAILS.index(settings.trail.name)
    rules[at.TRAIL] = settings.trail.value or 0.0
    rules[at.TIME_STOP] = settings.time_stop
    rules[at.IMMEDIATE] = settings.reentry.name == "immediate"
    rules[at.MAX_ENTRIES] = settings.max_entries


def _encode_costs(settings: SimulationSettings, rules: FloatArray) -> None:
    commission, value = settings.commission, settings.commission.value or 0.0
    rules[at.MAXIMUM] = math.inf
    if commission.name == "bps":
        rules[at.COMMISSION_RATE] = value / 1e4
    elif commission.name == "per_trade":
        rules[at.MINIMUM] = value
    elif commission.name == "per_share":
        rules[at.PER_SHARE], rules[at.MINIMUM] = value, commission.options["min"]
        rules[at.MAXIMUM] = commission.options["max_pct"] / 100.0
    elif commission.name == "ibkr_fixed":
        rules[at.PER_SHARE], rules[at.MINIMUM], rules[at.MAXIMUM] = _INTERACTIVE_BROKERS
    slippage = settings.slippage
    if slippage.name != "none":
        rules[at.SLIPPAGE_MODEL] = _SLIPPAGES.index(slippage.name)
        rules[at.SLIPPAGE] = (slippage.value or 0.0) / (1e4 if slippage.name == "bps" else 1.0)
    rules[at.SELL_FEES] = len(settings.sell_fees) > 0
    rules[at.PARTICIPATION] = settings.participation


def _encode_sizes(settings: SimulationSettings, rules: FloatArray) -> None:
    sizing = settings.sizing
    rules[at.SIZING] = 0 if sizing.name == "all_in" else _SIZINGS.index(sizing.name)
    rules[at.SIZE] = 1.0 if sizing.value is None else sizing.value
    rules[at.SIZE_OPTION] = sizing.options.get("min", sizing.options.get("k", 0.0))
    rules[at.SIZE_START] = sizing.options.get("percent", 0.0)
    rules[at.AT_DECISION] = settings.size_at.name == "decision"
    rules[at.LOT] = {"fractional": 0.0, "whole": 1.0}.get(settings.shares.name, settings.shares.value or 0.0)
    rules[at.LEVERAGE], rules[at.MAINTENANCE] = settings.leverage, settings.maintenance


def needed_estimates(settings: SimulationSettings) -> frozenset[int]:
    """Return the market's rows of the estimates that some switch of the settings uses."""
    decided = {int(at.ATR)} if settings.entry.unit == "atr" else set()
    return _needed_to_fill(settings) | decided


def serves_plain(settings: SimulationSettings) -> bool:
    """Return whether `plain` has all that these settings ask for, given signals of targets alone."""
    words = {"fill": "next_open", "entry": "market", "reentry": "fresh", "size_at": "fill"}
    zeros = (
        settings.good_for, settings.participation, settings.max_entries, settings.maintenance, settings.borrow,
        settings.interest, settings.margin_interest, len(settings.sell_fees),
    )  # fmt: skip
    return all(getattr(settings, name).name == word for name, word in words.items()) and not any(zeros)


def _needed_to_fill(settings: SimulationSettings) -> frozenset[int]:
    distances: tuple[Distance | None, ...] = (settings.stop, settings.take_profit, settings.break_even)
    in_atr = any(distance is not None and distance.unit == "atr" for distance in distances)
    needed = set()
    if (
        in_atr
        or "atr" in {settings.sizing.name, settings.slippage.name}
        or settings.trail.name in {"atr", "chandelier"}
    ):
        needed.add(int(at.ATR))
    if settings.sizing.name == "vol_target" or settings.slippage.name == "sqrt_impact":
        needed.add(int(at.SIGMA))
    if settings.slippage.name == "sqrt_impact":
        needed.add(int(at.ADV))
    if settings.slippage.name == "half_spread":
        needed.add(int(at.SPREAD))
    return frozenset(needed)


def fees_of_sales(settings: SimulationSettings, sessions: DateArray) -> FloatArray:
    """Return rate, money a raw share and the most of the latter for each session, shape (3, n)."""
    fees = np.zeros((3, len(sessions)))
    days = sessions.astype("datetime64[D]")
    for fee in settings.sell_fees:
        since = int(np.searchsorted(days, np.datetime64(fee.since, "D")))
        fees[:, since:] = np.array([[fee.rate], [fee.per_share], [fee.most]])
    return fees


def judge_against_signals(settings: SimulationSettings, signals: JudgedSignals) -> None:
    """Refuse switches that need a stop where neither the settings nor the signals give one.

    Raises:
        SimulationError: a size or a level in units of risk without any stop.
    """
    if settings.stop is not None or settings.trail.name != "none" or signals.stop is not None:
        return
    by_risk = {
        "sizing": settings.sizing.name == "risk",
        "take_profit": settings.take_profit is not None and settings.take_profit.unit == "R",
        "break_even": settings.break_even is not None and settings.break_even.unit == "R",
    }
    for name, needs in by_risk.items():
        if needs:
            raise SimulationError(
                f"{name}: {getattr(settings, name)} is measured by the distance to the stop, and there is none. "
                "Set stop or trail, for example stop: 3%."
            )
