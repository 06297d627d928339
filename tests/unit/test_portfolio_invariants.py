"""What holds for every account with a mandate: limits cannot be broken, the future cannot be seen, short ways agree."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from random_markets import Case, cases
from small_markets import differing

from alphafactory.domain.bars import Bars
from alphafactory.domain.mandate import Mandate, RebalanceRules, RiskLimits
from alphafactory.domain.results import ORDER_KINDS, Simulation
from alphafactory.domain.settings import parse_settings
from alphafactory.domain.signals import Signals
from alphafactory.simulation import NUMBERS, measure_account, prepare_account, simulate, simulate_account

SESSIONS, SYMBOLS, SECTORS = 160, 12, 3
LIMITS = RiskLimits(
    max_position=0.13, max_sector=0.31, max_correlated=3, correlated_above=0.35, correlation_sessions=20,
    cash_reserve=0.12, max_positions=7, trade_loss=0.01, day_loss=0.015, week_loss=0.03, drawdown=0.08, cool_down=5,
)  # fmt: skip
SEEDS = range(12)
WORDS = (
    {"commission": "bps:20", "slippage": "bps:30"},
    {"shares": "whole", "stop": "4%", "commission": "per_share:0.01,min=1"},
    {"sizing": "percent:40%", "leverage": 1.0, "slippage": "volume_share:0.5"},
    {"sizing": "risk:2%", "stop": "3%", "participation": "2%"},
)


@dataclass(frozen=True)
class World:
    bars: list[Bars]
    targets: np.ndarray
    mandate: Mandate


def world(seed: int, *, rebalances: bool) -> World:
    """A market of factors, so that symbols move together, with targets of both sides that ask for too much."""
    random = np.random.default_rng(seed)
    days = np.arange("2020-01-01", "2021-01-01", dtype="datetime64[D]")
    sessions = days[np.is_busday(days)][:SESSIONS]
    common = random.normal(0.0, 0.02, (SESSIONS, 2))
    bars = []
    for symbol in range(SYMBOLS):
        moves = common[:, symbol % 2] + random.normal(0.0, 0.01, SESSIONS)
        closes = 50.0 * np.exp(np.cumsum(moves))
        opens = closes * np.exp(random.normal(0.0, 0.01, SESSIONS))
        highs = np.maximum(opens, closes) * 1.004
        lows = np.minimum(opens, closes) * 0.996
        volumes = random.uniform(1e4, 1e5, SESSIONS)
        bars.append(Bars(sessions, opens, highs, lows, closes, volumes, np.ones(SESSIONS), np.zeros(SESSIONS)))
    wishes = random.choice([0.0, 0.0, 0.1, 0.3, 1.0, -0.2], (SESSIONS // 4, SYMBOLS))
    mandate = Mandate(
        rebalance=np.arange(SESSIONS) % 3 == 0 if rebalances else np.zeros(SESSIONS, bool),
        sectors=np.arange(SYMBOLS) % SECTORS,
        limits=LIMITS,
        rules=RebalanceRules(drift=0.05, band=0.01) if rebalances else RebalanceRules(),
    )
    return World(bars, np.repeat(wishes, 4, axis=0), mandate)


def run(market: World, words: dict[str, str | float]) -> Simulation:
    return simulate_account(
        market.bars, market.targets, parse_settings(initial_capital=1e5, **words), mandate=market.mandate
    )


@pytest.mark.parametrize("words", WORDS, ids=str)
@pytest.mark.parametrize("seed", SEEDS)
def test_no_order_increases_a_breach(seed: int, words: dict[str, str | float]) -> None:
    market = world(seed, rebalances="sizing" not in words)
    result = run(market, words)
    opens, closes = (np.column_stack([getattr(own, name) for own in market.bars]) for name in ("open", "close"))
    stopped, grown = set(result.orders.first_fill[result.orders.kind == ORDER_KINDS.index("stop")].tolist()), 0
    for row in range(1, SESSIONS):
        before, after = result.positions[row - 1], result.positions[row]
        increased = np.abs(after) > np.abs(before) + 1e-9
        if not increased.any() or row in stopped:
            continue  # what a stop has closed inside the bar was there when others were bought
        grown += 1
        equity = result.cash[row - 1] + before @ opens[row]
        shares = np.abs(after) * opens[row] / equity
        assert (shares[increased] <= LIMITS.max_position * (1 + 1e-9)).all()
        for sector in set(market.mandate.sectors[increased]):
            assert shares[market.mandate.sectors == sector].sum() <= LIMITS.max_sector * (1 + 1e-9)
        assert shares.sum() <= (1.0 - LIMITS.cash_reserve) * (1 + 1e-9)
        opened = increased & (before == 0.0)
        if opened.any():
            assert np.count_nonzero(after) <= LIMITS.max_positions
            assert largest_group(np.flatnonzero(opened), after, closes, row - 1) <= LIMITS.max_correlated
    assert grown > 5
    assert len(result.events) > 5


def largest_group(opened: np.ndarray, positions: np.ndarray, closes: np.ndarray, known: int) -> int:
    """The most positions on the same risk that a newly opened one stands in, itself counted."""
    window = LIMITS.correlation_sessions
    if known < window:
        return 0
    returns = closes[known - window + 1 : known + 1] / closes[known - window : known] - 1.0
    together = np.corrcoef(returns.T) * np.sign(np.outer(positions, positions)) > LIMITS.correlated_above
    held = positions != 0.0
    return int(max((together[symbol] & held).sum() for symbol in opened))


@pytest.mark.parametrize("rebalances", [True, False])
@pytest.mark.parametrize("cut", [25, 60, 61, 62, 63, 64, 90, 121, 150])
def test_the_future_changes_nothing_before_it(cut: int, *, rebalances: bool) -> None:
    market = world(99, rebalances=rebalances)
    words = {"commission": "bps:5", "stop": "6%"}
    whole = run(market, words)
    other = world(1000, rebalances=rebalances)
    spliced = [
        Bars(
            mine.sessions,
            *(
                np.concatenate([getattr(mine, name)[:cut], getattr(theirs, name)[cut:]])
                for name in ("open", "high", "low", "close", "volume", "split_factor", "dividends")
            ),
        )
        for mine, theirs in zip(market.bars, other.bars, strict=True)
    ]
    targets = np.concatenate([market.targets[:cut], other.targets[cut:]])
    changed = run(replace(market, bars=spliced, targets=targets), words)
    assert np.array_equal(changed.equity[:cut], whole.equity[:cut])
    assert np.array_equal(changed.positions[:cut], whole.positions[:cut])
    for name in ("row", "rule", "action", "symbol", "measured", "allowed"):
        mine, theirs = (getattr(r.events, name)[r.events.row < cut] for r in (whole, changed))
        assert np.array_equal(mine, theirs, equal_nan=mine.dtype == np.float64)
    assert not np.array_equal(changed.equity, whole.equity)


@settings(max_examples=150, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases())
def test_one_symbol_without_limits_is_its_backtest_to_the_bit(case: Case) -> None:
    assume(len(case.bars) == 1)
    bars, mandate = case.bars[0], Mandate(np.zeros(len(case.bars[0]), bool), np.zeros(1, np.int64))
    alone = simulate(
        bars, case.signals, case.settings, periods_per_year=case.periods_per_year, delisted=case.delisted[0]
    )
    account = simulate_account(
        [bars], case.signals, case.settings, periods_per_year=case.periods_per_year, delisted=case.delisted,
        mandate=mandate,
    )  # fmt: skip
    # An account of leverage notes where prices carry it beyond; all else is the same.
    assert [name for name in differing(alone, account) if not name.startswith("events")] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_numbers_alone_are_those_of_the_whole_account(seed: int) -> None:
    market = world(seed, rebalances=True)
    words = parse_settings(initial_capital=1e5, commission="bps:5", slippage="sqrt_impact:1")
    signals = Signals(market.targets, priority=np.random.default_rng(seed).normal(size=market.targets.shape))
    whole = simulate_account(market.bars, signals, words, mandate=market.mandate)
    numbers = dict(
        zip(NUMBERS, measure_account(prepare_account(market.bars), signals, words, mandate=market.mandate), strict=True)
    )
    assert numbers["end_equity"] == whole.equity[-1]
    assert numbers["n_trades"] == len(whole.trades)
    assert numbers["n_closed_trades"] == np.count_nonzero(whole.trades.closed)
    assert numbers["exposure"] == whole.invested.mean()
    profits = whole.trades.net_pnl[whole.trades.closed]
    assert numbers["profit_factor"] == pytest.approx(profits[profits > 0].sum() / -profits[profits < 0].sum())
