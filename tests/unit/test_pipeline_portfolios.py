"""Portfolios between tables and stages: signals on joint sessions, membership, limits switched off, waiting prices."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from alphafactory.config import ComputeConfig
from alphafactory.domain.bars import Bars
from alphafactory.domain.mandate import Mandate, RiskLimits
from alphafactory.domain.market import Listing
from alphafactory.domain.risk_events import RISK_RULES
from alphafactory.domain.settings import parse_settings
from alphafactory.domain.signals import Signals
from alphafactory.errors import UsageError
from alphafactory.pipeline.market_contexts import Surroundings
from alphafactory.pipeline.portfolio_account import Account
from alphafactory.pipeline.portfolio_effects import is_set, without
from alphafactory.pipeline.portfolio_market import Chosen, PortfolioMarket, closes_of, members_of
from alphafactory.pipeline.portfolio_signals import SleeveTask, sleeve_signals
from alphafactory.pipeline.waiting_prices import waiting_price
from alphafactory.store.symbols import SymbolRow

if TYPE_CHECKING:
    from pathlib import Path

    from alphafactory.domain.arrays import FloatArray

DAYS = np.datetime64("2024-01-01") + np.arange(8)
FAILING = """
import numpy as np

from alphafactory.domain.signals import Signals
from alphafactory.strategies.base import Strategy


class Base(Strategy):
    name = "steps"
    title = "Steps"
    idea = "Wants what the price says."
    source = "None."
    fails_when = "Always."
    parameters = {}
    indicators = {}

    @classmethod
    def signals(cls, view, params):
        if view.close[0, 0] > 100:
            raise RuntimeError("too dear")
        return np.where(view.close > 10, 1.0, np.nan)
"""
PRICED = FAILING.replace('"steps"', '"priced"').replace(
    "return np.where(view.close > 10, 1.0, np.nan)",
    "return Signals(np.ones_like(view.close), entry_limit=view.close * 0.99)",
)


def bars_of(closes: list[float], rows: list[int]) -> Bars:
    close = np.array(closes)
    ones = np.ones(len(close))
    return Bars(DAYS[rows], close, close, close, close, ones * 1e6, ones, np.zeros(len(close)))


def market_of(*series: Bars, spells: Any = None, over: tuple[bool, ...] | None = None) -> PortfolioMarket:
    rows = tuple(SymbolRow(n, Listing(f"S{n}", sector="Energy"), "csv", simulated=False) for n in range(len(series)))
    chosen = Chosen(rows, {}, spells, frozenset({"Energy"}))
    ended = over or (False,) * len(series)
    close, returns = closes_of(series, DAYS, ended)
    member = members_of(chosen, series, DAYS, ended)
    return PortfolioMarket(chosen, series, DAYS, slice(0, 8), ended, close, returns, member)


def ask(folder: Path, market: PortfolioMarket, *names: str) -> Any:
    for name, text in (("steps", FAILING), ("priced", PRICED)):
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    sleeves = [SleeveTask(name, {}, 1.0 / len(names)) for name in names]
    seen = market.seen(Surroundings((DAYS[:0], {}), {}))
    return sleeve_signals(market, seen, sleeves, ComputeConfig(backend="sequential"), str(folder))


def test_a_target_holds_until_the_next_bar_and_one_failure_stays_its_own(tmp_path: Path) -> None:
    market = market_of(bars_of([11, 9, 12], [1, 3, 6]), bars_of([101, 102], [0, 1]), bars_of([20] * 8, list(range(8))))
    found = ask(tmp_path, market, "steps")
    assert found.targets[0][:, 0].tolist() == [0, 1, 1, 0, 0, 0, 1, 1]
    assert found.targets[0][:, 1].tolist() == [0] * 8
    assert found.targets[0][:, 2].tolist() == [1] * 8
    assert [(one["subject"], "too dear" in one["message"]) for one in found.failures] == [("steps on S1", True)]


def test_prices_of_a_single_sleeve_are_kept_and_those_of_several_refused(tmp_path: Path) -> None:
    market = market_of(bars_of([20, 30], [2, 5]))
    limits = ask(tmp_path, market, "priced").prices["entry_limit"][:, 0]
    assert limits[[2, 5]].tolist() == [19.8, 29.7]
    assert np.isnan(limits[[0, 1, 3, 4, 6, 7]]).all()
    with pytest.raises(UsageError, match="'priced' gives entry_limit beside its target"):
        ask(tmp_path, market, "priced", "steps")


def test_members_begin_with_their_bars_and_end_with_a_delisting_alone() -> None:
    early, late = bars_of([1, 2], [0, 4]), bars_of([3, 4], [2, 4])
    spells = {0: ((0, None, date(2024, 1, 6)),), 1: ((1, date(2024, 1, 2), None),)}
    free = market_of(early, late, over=(False, True)).member
    assert free.T.astype(int).tolist() == [[1] * 8, [0, 0, 1, 1, 1, 0, 0, 0]]
    dated = market_of(early, late, spells=spells).member
    assert dated.T.astype(int).tolist() == [[1] * 6 + [0, 0], [0, 0, 1, 1, 1, 1, 1, 1]]


def test_a_session_without_a_bar_returns_nothing_and_keeps_the_close() -> None:
    market = market_of(bars_of([10, 11, 22], [1, 3, 4]), over=(True,))
    assert market.close[:, 0].tolist()[1:] == [10, 10, 11, 22, 22, 22, 22]
    assert math.isnan(market.close[0, 0])
    returns = market.returns[:, 0]
    assert returns[2:5] == pytest.approx([0.0, 0.1, 1.0])
    assert np.isnan(returns[[0, 1, 5, 6, 7]]).all()


def test_each_limit_can_be_switched_off_alone() -> None:
    limits = RiskLimits(
        max_position=0.1, max_sector=0.2, max_correlated=3, cash_reserve=0.1, max_positions=5, trade_loss=0.1,
        leverage_schedule=((date(2024, 1, 1), 0.5),), day_loss=0.1, week_loss=0.1, drawdown=0.1,
    )  # fmt: skip
    for rule in RISK_RULES:
        assert is_set(limits, rule)
        bare = without(limits, rule)
        assert [name for name in RISK_RULES if not is_set(bare, name)] == [rule]


def account_of(entry: str, highs: FloatArray | None = None) -> Account:
    close = 100.0 + np.arange(20.0)
    days = np.datetime64("2024-01-01") + np.arange(20)
    high = close + 1.0 if highs is None else highs
    bars = Bars(days, close, high, close - 1.0, close, np.full(20, 1e6), np.ones(20), np.zeros(20))
    mandate = Mandate(np.zeros(20, bool), np.zeros(1, int))
    settings = parse_settings(initial_capital=1e5, entry=entry)
    return Account([bars], days, Signals(np.ones((20, 1))), settings, mandate, 252, (False,), ("S0",))


@pytest.mark.parametrize(
    ("entry", "kind", "told"),
    [
        ("limit:2%", "limit", ("limit", 118 * 0.98, None)),
        ("stop:2%", "stop_market", ("stop_market", None, 118 * 1.02)),
        ("stop_limit:2%,limit=1%", "stop_limit", ("stop_limit", 118 * 1.02 * 1.01, 118 * 1.02)),
        ("limit:1atr", "limit", ("limit", 118 - 2.0, None)),
    ],
)
def test_what_an_entry_waits_for_is_told_from_the_settings(
    entry: str, kind: str, told: tuple[str, float | None, float | None]
) -> None:
    found = waiting_price(account_of(entry), 0, 18, kind, 1.0)
    assert found is not None
    values = [None if math.isnan(value) else value for value in (found.limit, found.stop)]
    assert (found.kind, *values) == (told[0], *(value if value is None else pytest.approx(value) for value in told[1:]))


def test_a_stop_limit_that_was_triggered_waits_for_its_limit_alone() -> None:
    highs = 101.0 + np.arange(20.0)
    highs[19] = 130.0
    found = waiting_price(account_of("stop_limit:2%,limit=1%", highs), 0, 18, "stop_limit", 1.0)
    assert found is not None
    assert (found.kind, found.price) == ("limit", pytest.approx(118 * 1.02 * 1.01))
    assert math.isnan(found.stop)
