"""Markets small enough to check by hand, random walks, and what two simulations have in common."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.domain.bars import Bars
from alphafactory.domain.results import EXIT_REASONS, ORDER_ENDS, ORDER_KINDS, Simulation
from alphafactory.domain.settings import SimulationSettings, parse_settings

if TYPE_CHECKING:
    from collections.abc import Sequence


def market(
    opens: Sequence[float],
    closes: Sequence[float] | None = None,
    *,
    volume: Sequence[float] | None = None,
    factor: Sequence[float] | None = None,
    dividends: Sequence[float] | None = None,
) -> Bars:
    """Make bars whose high and low are the larger and the smaller of open and close."""
    first, last = np.array(opens, float), np.array(opens if closes is None else closes, float)
    days = len(first)
    return Bars(
        np.datetime64("2024-01-01") + np.arange(days),
        first,
        np.maximum(first, last),
        np.minimum(first, last),
        last,
        # Volumes differ, or equal prices would make a bar that repeats the one before.
        np.array(volume, float) if volume is not None else 1e6 + np.arange(days),
        np.ones(days) if factor is None else np.array(factor, float),
        np.zeros(days) if dividends is None else np.array(dividends, float),
    )


def model(**words: Any) -> SimulationSettings:
    plain: dict[str, Any] = {
        "initial_capital": 1000.0,
        "fill": "next_open",
        "commission": "none",
        "slippage": "none",
        "sizing": "all_in",
        "shares": "fractional",
    }
    return parse_settings(**(plain | words))


def lines(*rows: str, factor: Sequence[float] | None = None, dividends: Sequence[float] | None = None) -> Bars:
    """Make bars from lines of `open high low close`, and a volume if it matters."""
    table = [[float(word) for word in row.split()] for row in rows]
    opens, highs, lows, closes = np.array([row[:4] for row in table]).T
    volume = [row[4] if len(row) > 4 else 1e6 + day for day, row in enumerate(table)]
    days = np.datetime64("2024-01-01") + np.arange(len(rows))
    return Bars(
        days, opens, highs, lows, closes, np.array(volume),
        np.ones(len(rows)) if factor is None else np.array(factor, float),
        np.zeros(len(rows)) if dividends is None else np.array(dividends, float),
    )  # fmt: skip


def calm(sessions: int) -> list[str]:
    """Lines of bars with a true range of 2 each, so that the ATR is exactly 2."""
    return [f"100 101 99 100 {1000 + 7 * k}" for k in range(sessions)]


def run(*rows: str, target: Sequence[float], **words: Any) -> Simulation:
    """Simulate bars given as lines."""
    from alphafactory.simulation import simulate  # noqa: PLC0415  most that is here needs no simulator

    return simulate(lines(*rows), np.array(target, float), model(**words))


def random_market(seed: int, days: int = 300) -> tuple[Bars, np.ndarray]:
    """Make a random walk with dividends, and targets that change every few days."""
    draw = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(draw.normal(0, 0.02, days)))
    opening = close * np.exp(draw.normal(0, 0.01, days))
    dividends = np.where(draw.random(days) < 0.02, 0.3, 0.0)
    target = np.repeat(draw.choice([0.0, 1.0, 0.5, -0.5, -1.0], days // 5 + 1), 5)[:days]
    return market(opening, close, dividends=dividends), target


def ragged_market(seed: int, days: int = 300) -> Bars:
    """Make a random walk with ranges, splits, dividends, and bars that do not trade."""
    draw = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(draw.normal(0.0003, 0.02, days)))
    opening = close * np.exp(draw.normal(0, 0.01, days))
    high = np.maximum(opening, close) * (1 + draw.exponential(0.006, days))
    low = np.minimum(opening, close) * (1 - draw.exponential(0.006, days))
    volume = np.where(draw.random(days) < 0.03, 0.0, draw.integers(1_000, 90_000, days))
    columns = np.array([opening, high, low, close, volume])
    for repeat in np.flatnonzero(draw.random(days) < 0.03):
        columns[:, repeat] = columns[:, max(repeat - 1, 0)]
    ratios = np.where(draw.random(days) < 0.005, 2.0, 1.0)
    factor = np.append(np.cumprod(ratios[::-1])[::-1][1:], 1.0)
    dividends = np.where(draw.random(days) < 0.02, 0.3, 0.0)
    gaps = np.where(draw.random(days) < 0.2, 3, 1)
    return Bars(np.datetime64("2015-01-01") + np.cumsum(gaps), *columns, split_factor=factor, dividends=dividends)


def random_target(seed: int, days: int, choices: Sequence[float] = (0.0, 1.0, 0.5, -0.5, -1.0)) -> np.ndarray:
    """Make targets that stay for a while, a few days or a few weeks."""
    draw = np.random.default_rng(seed)
    target = draw.choice(choices, days)
    stays = draw.random(days) < draw.choice([0.7, 0.95])
    latest = np.maximum.accumulate(np.where(stays, 0, np.arange(days)))
    return target[latest]


def ends(result: Simulation) -> list[str]:
    """How each order ended."""
    return [ORDER_ENDS[end] for end in result.orders.end]


def refused(result: Simulation) -> list[tuple[int, str]]:
    """Rows and reasons of the orders that were refused, cut or given up."""
    short = result.orders.take(result.orders.short)
    return [(int(row), ORDER_ENDS[end]) for row, end in zip(short.ended, short.end, strict=True)]


def reasons(result: Simulation) -> list[str]:
    """Why each trade ended."""
    return [EXIT_REASONS[reason] for reason in result.trades.exit_reason]


def kinds(result: Simulation) -> list[str]:
    """What each order was."""
    return [ORDER_KINDS[kind] for kind in result.orders.kind]


def contents(result: Simulation) -> dict[str, np.ndarray]:
    """Every number of a result by its name, such as `trades.net_pnl`."""
    found = {}
    for field in fields(Simulation):
        value = getattr(result, field.name)
        if field.name in {"trades", "orders", "events"}:
            columns = {f"{field.name}.{column.name}": getattr(value, column.name) for column in fields(value)}
            found.update(columns)
        else:
            found[field.name] = np.asarray(value)
    return found


def differing(one: Simulation, other: Simulation) -> list[str]:
    """The names of the numbers that are not the same to the bit."""
    first, second = contents(one), contents(other)
    return [name for name in first if not same_bits(first[name], second[name])]


def same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays hold the same; NaN is NaN and zero is zero, whatever their signs."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.dtype != np.float64:
        return one.tobytes() == other.tobytes()
    return (one + 0.0)[~np.isnan(one)].tobytes() == (other + 0.0)[~np.isnan(other)].tobytes() and bool(
        (np.isnan(one) == np.isnan(other)).all()
    )


def digest(result: Simulation) -> str:
    """One number for all bits of a result."""
    whole = hashlib.sha256()
    for name, array in contents(result).items():
        whole.update(name.encode() + np.nan_to_num(np.asarray(array, float) + 0.0, nan=-1e300).tobytes())
    return whole.hexdigest()
