"""Portfolios of 400 symbols: twenty strategies under every limit, how time grows, and a thousand variants.

The market is the real prices without impossible bars, late listings included. Before anything is timed the results are
looked at: no close may hold more positions than the limit, every pre-trade limit must have acted, and a variant must
give two processes the same as one.
"""

from __future__ import annotations

import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from functools import cache
from itertools import product
from multiprocessing import get_context
from typing import TYPE_CHECKING

import measuring
import numpy as np
from measuring import DisagreementError, Row, demand_equal

from alphafactory.domain.allocation import FITTED, AllocationSettings
from alphafactory.domain.bars import Bars
from alphafactory.domain.mandate import Mandate, RiskLimits
from alphafactory.domain.risk_events import RISK_RULES
from alphafactory.domain.settings import parse_settings
from alphafactory.domain.signals import Signals
from alphafactory.portfolio.estimates import Market as Prices
from alphafactory.portfolio.plan import needed_fits
from alphafactory.portfolio.ranking import first_in_line, priorities
from alphafactory.portfolio.schedule import rebalance_rows
from alphafactory.portfolio.sleeves import net_signals
from alphafactory.simulation import NUMBERS, joint_sessions, measure_account, prepare_account, simulate_account

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray, IntArray
    from alphafactory.domain.results import Simulation
    from alphafactory.simulation import PreparedAccount

CAPITAL = 1_000_000.0
PAIRS = list(product((5, 10, 15, 20), (50, 80, 110, 150, 200)))
"""Averages of the twenty strategies."""
LIMITS = RiskLimits(
    max_position=0.05, max_sector=0.25, max_correlated=5, cash_reserve=0.1, max_positions=20, trade_loss=0.02,
    day_loss=0.02, week_loss=0.05, drawdown=0.15,
)  # fmt: skip
TOTAL_TARGET, VARIANTS_TARGET, FIT_TARGET = 0.5, 60.0, 1.0
NEARLY_LINEAR = 1.2
FITTED_SYMBOLS = 389
PERIODS = ("daily", "weekly", "monthly", "quarterly", "yearly")
BASIS_POINTS = range(100)
"""Commissions of the variants."""
EVERY = 10
"""Of the variants one in so many is run, evenly spread; the time is multiplied."""
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Market:
    """Bars of all symbols, their joint sessions, last known closes (sessions, symbols), and sectors by code."""

    bars: Sequence[Bars]
    sessions: DateArray
    closes: FloatArray
    member: BoolArray
    sectors: IntArray

    def part(self, symbols: int, sessions: int) -> Market:
        """Return the first symbols in the newest sessions; a symbol without a bar in them is left out."""
        start = self.sessions[-sessions]
        cut = [bars.part(bars.window(start, None)) for bars in self.bars]
        kept = [place for place, bars in enumerate(cut) if len(bars)][:symbols]
        chosen = [cut[place] for place in kept]
        return _market(chosen, self.sectors[kept])


@cache
def real_market() -> Market:
    """Read the prices."""
    delivery = measuring.read_prices()
    sector_of = {listing.ticker: listing.sector or "" for listing in delivery.listings}
    symbols = measuring.bars_by_symbol(delivery)
    names = sorted(set(sector_of.values()))
    codes = np.array([names.index(sector_of[ticker]) for ticker in symbols], np.int64)
    return _market([_possible(bars) for bars in symbols.values()], codes)


def _possible(bars: Bars) -> Bars:
    """Leave out the bars that the quality gate would keep out."""
    low, high = np.minimum(bars.open, bars.close), np.maximum(bars.open, bars.close)
    kept = (bars.low <= low) & (bars.high >= high) & (bars.low > 0.0)
    return Bars(*(getattr(bars, field.name)[kept] for field in fields(bars)))


def _market(bars: Sequence[Bars], sectors: IntArray) -> Market:
    sessions = joint_sessions(bars)
    closes, member = np.full((len(sessions), len(bars)), np.nan), np.zeros((len(sessions), len(bars)), bool)
    for column, own in enumerate(bars):
        rows = np.searchsorted(sessions, own.sessions)
        closes[rows, column] = own.close
        member[rows[0] : rows[-1] + 1, column] = True
    newest = np.maximum.accumulate(np.where(np.isnan(closes), 0, np.arange(len(sessions))[:, None]), axis=0)
    return Market(bars, sessions, np.take_along_axis(closes, newest, axis=0), member, sectors)


def targets_of(market: Market) -> list[FloatArray]:
    """Return each strategy's targets: 1 while its fast average is above its slow one, -1 for every fourth below."""
    sums = np.vstack((np.zeros(market.closes.shape[1]), np.cumsum(np.nan_to_num(market.closes), axis=0)))
    averages = {
        length: np.vstack((np.full((length - 1, sums.shape[1]), np.nan), (sums[length:] - sums[:-length]) / length))
        for length in sorted({length for pair in PAIRS for length in pair})
    }
    below = [-1.0 if place % 4 == 0 else 0.0 for place in range(len(PAIRS))]
    return [
        np.where(averages[fast] > averages[slow], 1.0, other) * np.isfinite(averages[slow])
        for (fast, slow), other in zip(PAIRS, below, strict=True)
    ]


def weights_of(signals: FloatArray) -> FloatArray:
    """Return each row's signals as shares of a whole account."""
    total = np.abs(signals).sum(axis=1, keepdims=True)
    return np.asarray(signals / np.where(total > 0.0, total, 1.0))


@dataclass(slots=True)
class Spent:
    """Seconds of one portfolio's parts."""

    netting: float = np.inf
    simulation: float = np.inf


def every_limit(
    market: Market, targets: Sequence[FloatArray], spent: Spent, *, daily: bool, places: int = 0
) -> Simulation:
    """Net the strategies, rank the symbols, and trade under all limits.

    The netted signals are traded as they are, when they change; with `daily` they are shares of one whole, and the
    account is traded back to them at each close. With `places` the first in line alone get shares, as portfolios do it.
    """
    start = time.perf_counter()
    signals = net_signals(targets, [1.0 / len(targets)] * len(targets), market.member)
    ranks = priorities(signals, market.closes, "signal", 1)
    signals = first_in_line(signals, ranks, np.full(len(signals), daily), places)
    wanted = Signals(weights_of(signals) if daily else signals, priority=ranks)
    middle = time.perf_counter()
    mandate = Mandate(np.full(len(market.sessions), daily), market.sectors, LIMITS)
    settings = parse_settings(initial_capital=CAPITAL, commission="bps:5", slippage="bps:5", stop="8%")
    done = simulate_account(market.bars, wanted, settings, mandate=mandate)
    spent.netting = min(spent.netting, middle - start)
    spent.simulation = min(spent.simulation, time.perf_counter() - middle)
    return done


def demand_limits(done: Simulation) -> None:
    """Raise `DisagreementError` where a count is beyond its limit, or a limit that is asked before trades never was."""
    most = int((done.positions != 0.0).sum(axis=1).max())
    if most > LIMITS.max_positions:
        raise DisagreementError(f"{most} positions are open at a close, more than {LIMITS.max_positions}.")
    acted = {RISK_RULES[rule] for rule in np.unique(done.events.rule)}
    silent = {"position", "sector", "max_positions", "correlation", "cash_reserve"} - acted
    if silent:
        raise DisagreementError(f"These limits never acted: {', '.join(sorted(silent))}.")


def all_limits() -> Iterator[Row]:
    """Time twenty strategies on all symbols, and how that grows with symbols and sessions."""
    market = real_market()
    count, sessions = len(market.bars), len(market.sessions)
    what = f"{len(PAIRS)} strategies, {count} symbols, {sessions} sessions, all limits"
    whole = Spent()
    demand_limits(_timed(market, whole))
    yield Row(what, whole.netting + whole.simulation, target=TOTAL_TARGET)
    yield Row(f"{what}: of it netting and ranking", whole.netting)
    whole = Spent()
    _timed(market, whole, daily=True, places=LIMITS.max_positions)
    yield Row(f"{what}, rebalanced daily", whole.netting + whole.simulation, target=TOTAL_TARGET)
    whole = Spent()
    _timed(market, whole, daily=True)
    yield Row(f"{what}, rebalanced daily, every signal asks", whole.netting + whole.simulation, target=TOTAL_TARGET)
    for symbols, days in ((100, sessions), (200, sessions), (count, sessions // 2)):
        part = Spent()
        _timed(market.part(symbols, days), part, daily=True)
        share = count * sessions / (symbols * days)
        yield Row(
            f"the simulation alone, {count} x {sessions}, rebalanced daily", whole.simulation,
            target=part.simulation * share * NEARLY_LINEAR, peer=f"{symbols} x {days}, times {share:.3g}",
            peer_measured=part.simulation * share,
        )  # fmt: skip


def _timed(market: Market, spent: Spent, *, daily: bool = False, places: int = 0) -> Simulation:
    targets = targets_of(market)
    every_limit(market, targets, Spent(), daily=daily, places=places)  # compiles, or loads what was compiled
    return [every_limit(market, targets, spent, daily=daily, places=places) for _ in range(5)][-1]


Variant = tuple[str, bool, int]
"""Rebalance period, limits on or off, and basis points of commission."""


@cache
def held_weights(period: str) -> tuple[FloatArray, BoolArray]:
    """Return the weights at each close, those of the last rebalance, and which closes are rebalances."""
    market = real_market()
    rebalance = rebalance_rows(market.sessions.astype("datetime64[D]"), "XNYS", period, "last")
    signals = net_signals(targets_of(market), [1.0 / len(PAIRS)] * len(PAIRS), market.member)
    newest = np.maximum.accumulate(np.where(rebalance, np.arange(len(rebalance)), -1))
    return np.where(newest[:, None] >= 0, weights_of(signals)[newest], 0.0), rebalance


@cache
def prepared_account() -> PreparedAccount:
    """Judge the bars, once in each process."""
    return prepare_account(real_market().bars)


def end_equity(variant: Variant) -> float:
    """Return where one variant ends."""
    period, limited, points = variant
    weights, rebalance = held_weights(period)
    mandate = Mandate(rebalance, real_market().sectors, LIMITS if limited else RiskLimits())
    settings = parse_settings(initial_capital=CAPITAL, commission=f"bps:{points}")
    return float(measure_account(prepared_account(), weights, settings, mandate=mandate)[NUMBERS.index("end_equity")])


def start_worker(period: str) -> float:
    """Read the prices, load the simulator and draw up the weights, so that what follows is simulation alone."""
    return max(end_equity((one, True, 0)) for one in (period, *PERIODS))


def variants() -> Iterator[Row]:
    """Share the variants between two processes."""
    every = list(product(PERIODS, (True, False), BASIS_POINTS))
    some = every[::EVERY]
    context = get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=context) as pool:
        start = time.perf_counter()
        list(pool.map(start_worker, PERIODS[:WORKERS]))
        started = time.perf_counter()
        found = list(pool.map(end_equity, some, chunksize=5))
        ended = time.perf_counter()
    few = [0, len(some) // 2, len(some) - 1]
    demand_equal("variants", [found[place] for place in few], [end_equity(some[place]) for place in few], 0.0)
    total = started - start + (ended - started) * len(every) / len(some)
    sys.stderr.write(f"{len(some)} of {len(every)} variants took {ended - started:.3g} s and were multiplied.\n")
    yield Row(
        f"{len(every)} variants of {len(real_market().bars)} symbols, {WORKERS} processes (by {len(some)} of them)",
        total, target=VARIANTS_TARGET,
    )  # fmt: skip


def fits() -> Iterator[Row]:
    """Time one fit of each optimiser, at the newest close, of the symbols that have all sessions."""
    market = real_market()
    whole = [place for place, bars in enumerate(market.bars) if len(bars) == len(market.sessions)][:FITTED_SYMBOLS]
    names = [f"S{place}" for place in whole]
    prices = Prices.of([market.bars[place] for place in whole], names, market.sessions)
    newest = np.arange(len(market.sessions)) == len(market.sessions) - 1
    signals, sectors = np.ones((len(market.sessions), len(whole))), [str(market.sectors[place]) for place in whole]
    for model in FITTED:
        settings = AllocationSettings(model=model, max_weight=LIMITS.max_position)
        [fit] = needed_fits(signals, prices, newest, settings, sectors)
        found = fit.solve()
        demand_equal(f"sum of the weights of {model}", [np.abs(found.weights).sum()], [settings.gross], 1e-6)
        taken = measuring.seconds(fit.solve, repeats=2)
        yield Row(f"one fit of {model}, {len(whole)} symbols", taken, target=FIT_TARGET)


def run() -> Iterator[Row]:
    """Measure each."""
    warnings.simplefilter("ignore")  # the optimisers' own
    yield from all_limits()
    yield from variants()
    yield from fits()


if __name__ == "__main__":
    measuring.finish(run)
