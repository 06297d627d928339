"""The simulated market's prices.

Goes in: a seed, a rotation of companies and the sessions since the market's start. Comes out: `MarketWindow`, raw
prices as traded in the last `window` sessions, with splits, dividends and announcements. The steps of a session:

1. The regime (bull, bear, sideways) may change; it sets the market's drift and volatility.
2. The market, the sectors and the companies draw a return each; variances follow GARCH(1,1)
   (Bollerslev 1986, Journal of Econometrics 31), so that wild days come in clusters.
3. Yesterday's close is lowered by the dividend, divided by the split, moved by the return and rounded to cents.

Everything is drawn in order of sessions from the start, so a longer market begins with the very bars of a shorter one.
The shapes of bars take a fixed count of draws a session, so those before the window are skipped, not made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.sources.simulated_companies import SECTORS, SESSIONS_A_YEAR, Rotation, base_price

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray, IntArray

_REGIMES = ((0.16, 0.11), (-0.28, 0.25), (0.03, 0.13))
"""Bull, bear, sideways: yearly drift and volatility."""
_STAY = (299 / 300, 89 / 90, 149 / 150)
_NEXT = ((2, 1, 0.6), (0, 2, 0.6), (0, 1, 0.65))
"""The two regimes that may follow, and the chance of the first."""

_ALPHA, _BETA = 0.08, 0.88
_SECTOR_VOLATILITY = 0.09
_ANNOUNCEMENT = 3.0
_REVERSE_SPLIT_BELOW = 3.0
_REVERSE_RATIO = 0.1
_CENT = 0.01
_SHAPES = 4
"""Draws that shape one bar: opening gap, upper shadow, lower shadow, and volume or surprise."""


@dataclass(frozen=True, slots=True)
class MarketWindow:
    """The last sessions of the market. Arrays have shape (sessions, slots + 1); the last column is the index.

    `split` is 1 and `dividend` 0 where there is none; `announced` is the relative earnings surprise, NaN where nothing
    is announced. `first` is the window's first session, counted from the market's start.
    """

    first: int
    sessions: DateArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    split: FloatArray
    dividend: FloatArray
    announced: FloatArray
    sectors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Traits:
    """What distinguishes the slots; each array has shape (slots,)."""

    beta: FloatArray
    volatility: FloatArray
    sector: IntArray
    payout: FloatArray
    ex_day: IntArray
    announcement_day: IntArray
    split_above: FloatArray
    ratio: FloatArray
    turnover: FloatArray

    @classmethod
    def draw(cls, seed: int, slots: int) -> _Traits:
        random = np.random.default_rng([seed, 3])
        pays = random.random(slots) < 0.6  # noqa: PLR2004  the share of payers
        return cls(
            beta=random.uniform(0.5, 1.5, slots),
            volatility=random.uniform(0.16, 0.38, slots) / np.sqrt(SESSIONS_A_YEAR),
            sector=np.arange(slots, dtype=np.int64) % len(SECTORS),
            payout=np.where(pays, random.uniform(0.01, 0.04, slots) / 4, 0.0),
            ex_day=random.integers(5, 55, slots),
            announcement_day=random.integers(8, 35, slots),
            split_above=random.uniform(120, 400, slots),
            ratio=random.choice([2.0, 2.0, 3.0, 4.0], slots),
            turnover=np.exp(random.normal(17.5, 0.8, slots)),
        )


@dataclass(frozen=True, slots=True)
class _Path:
    """What one pass over all sessions leaves of the window; shape (window, slots + 1)."""

    before: FloatArray
    close: FloatArray
    split: FloatArray
    dividend: FloatArray


def simulate(seed: int, rotation: Rotation, sessions: DateArray) -> MarketWindow:
    """Return the last `rotation.window` of the given sessions, which begin at the market's start."""
    traits = _Traits.draw(seed, rotation.slots)
    first = max(0, len(sessions) - rotation.window)
    ordinal = _ordinal_in_quarter(sessions)
    path = _walk(seed, rotation, traits, ordinal, first)
    shape = _shape_draws(seed, first, path.close.shape)
    announced = np.full(path.close.shape, np.nan)
    on_day = ordinal[first:, None] == traits.announcement_day
    announced[:, :-1] = np.where(on_day, 0.3 * (shape[:, :-1, 3] - 0.5), np.nan)
    opening, high, low = _bars(path, shape)
    return MarketWindow(
        first=first,
        sessions=sessions[first:],
        open=opening,
        high=high,
        low=low,
        close=path.close,
        volume=_volumes(path, traits, shape, on_day),
        split=path.split,
        dividend=path.dividend,
        announced=announced,
        sectors=tuple(SECTORS[sector] for sector in traits.sector.tolist()),
    )


def _ordinal_in_quarter(sessions: DateArray) -> IntArray:
    """Return, shape (n,), each session's number within its calendar quarter, from 0."""
    quarter = sessions.astype("datetime64[M]").astype(np.int64) // 3
    _, starts, own = np.unique(quarter, return_index=True, return_inverse=True)
    return (np.arange(len(sessions)) - starts[own]).astype(np.int64)


def _walk(seed: int, rotation: Rotation, traits: _Traits, ordinal: IntArray, first: int) -> _Path:
    """Walk all sessions from the start and keep those from `first` on."""
    count, slots = len(ordinal), rotation.slots
    market = _market_returns(seed, count)
    normal = np.random.default_rng([seed, 4]).standard_normal((count, slots))
    sector = np.random.default_rng([seed, 5]).standard_normal((count, len(SECTORS)))
    sector_returns = sector * (_SECTOR_VOLATILITY / np.sqrt(SESSIONS_A_YEAR))
    normal *= np.where(ordinal[:, None] == traits.announcement_day, _ANNOUNCEMENT, 1.0)
    newcomers = {day: (slot, base_price(seed, number)) for day, slot, number in rotation.newcomers(count)}
    kept = count - first
    path = _Path(*(np.empty((kept, slots + 1)) for _ in range(4)))
    close = np.array([base_price(seed, slot + 1) for slot in range(slots)])
    level, variance = 1000.0, np.ones(slots)
    for t in range(count):
        split, dividend = _actions(close, traits, ordinal[t] == traits.ex_day, normal[t - 1] if t else np.zeros(slots))
        if t in newcomers:
            slot, price = newcomers[t]
            close[slot], split[slot], dividend[slot] = price, 1.0, 0.0
        before = (close - dividend) / split
        shock = np.sqrt(variance) * normal[t]
        own = traits.volatility * shock
        returns = traits.beta * market[t] + sector_returns[t, traits.sector] + own
        close = np.maximum(np.round(before * np.exp(returns), 2), 5 * _CENT)
        # An announcement's jump is one day's news; it must not set off a year of storms.
        variance = (1 - _ALPHA - _BETA) + _ALPHA * np.minimum(shock**2, 9.0) + _BETA * variance
        level_before, level = level, round(float(level * np.exp(market[t])), 2)
        if t >= first:
            row = t - first
            path.before[row], path.close[row] = np.append(before, level_before), np.append(close, level)
            path.split[row], path.dividend[row] = np.append(split, 1.0), np.append(dividend, 0.0)
    return path


def _market_returns(seed: int, count: int) -> FloatArray:
    """Return the market's daily log returns, shape (count,)."""
    normal = np.random.default_rng([seed, 6]).standard_normal(count)
    uniform = np.random.default_rng([seed, 7]).random((count, 2))
    returns = np.empty(count)
    regime, variance = 0, 1.0
    for t in range(count):
        if uniform[t, 0] > _STAY[regime]:
            one, other, chance = _NEXT[regime]
            regime = one if uniform[t, 1] < chance else other
        drift, volatility = _REGIMES[regime]
        shock = np.sqrt(variance) * normal[t]
        returns[t] = drift / SESSIONS_A_YEAR + volatility / np.sqrt(SESSIONS_A_YEAR) * shock
        variance = (1 - _ALPHA - _BETA) + _ALPHA * shock**2 + _BETA * variance
    return returns


def _actions(
    close: FloatArray, traits: _Traits, ex_day: BoolArray, yesterday: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return today's split ratios and dividends, shape (slots,): splits follow strong days at high prices."""
    split = np.where((close > traits.split_above) & (yesterday > 1.8), traits.ratio, 1.0)  # noqa: PLR2004  1 day in 28
    split = np.where((close < _REVERSE_SPLIT_BELOW) & (yesterday < -1.0), _REVERSE_RATIO, split)
    return split, np.where(ex_day, np.round(traits.payout * close, 2), 0.0)


def _shape_draws(seed: int, first: int, shape: tuple[int, ...]) -> FloatArray:
    """Return uniform draws, shape (window, slots + 1, 4); those of earlier sessions are skipped."""
    generator = np.random.PCG64(np.random.SeedSequence([seed, 8]))
    generator.advance(first * shape[1] * _SHAPES)
    return np.random.Generator(generator).random((*shape, _SHAPES))


def _bars(path: _Path, shape: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return open, high and low: rounding keeps their order, because it never turns two prices round."""
    move = np.log(path.close / path.before)
    opening = np.round(path.before * np.exp(0.4 * move + 0.004 * (shape[:, :, 0] - 0.5)), 2)
    opening = np.maximum(opening, _CENT)
    reach = 0.004 + 0.3 * np.abs(move)
    high = np.round(np.maximum(opening, path.close) * np.exp(reach * shape[:, :, 1]), 2)
    low = np.round(np.minimum(opening, path.close) * np.exp(-reach * shape[:, :, 2]), 2)
    return opening, high, np.maximum(low, _CENT)


def _volumes(path: _Path, traits: _Traits, shape: FloatArray, announcing: BoolArray) -> FloatArray:
    """Return shares traded: money over price, more on large moves and announcements. The index sums its members."""
    move = np.abs(np.log(path.close / path.before))[:, :-1]
    money = traits.turnover * np.exp(0.8 * (shape[:, :-1, 3] - 0.5) + 12.0 * move + 0.6 * announcing)
    shares = np.maximum(np.round(money / path.close[:, :-1]), 100.0)
    return np.column_stack([shares, shares.sum(axis=1)])
