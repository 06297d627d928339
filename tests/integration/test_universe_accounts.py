"""Strategies that see a universe: one backtest on one account, in the night, on demand and in a search."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest
from nights import PriceFile, evening, later_that_evening

from alphafactory.errors import UsageError
from alphafactory.pipeline.backtest import run_adhoc
from alphafactory.pipeline.explaining import explain
from alphafactory.pipeline.portfolios import ask_for_portfolio
from alphafactory.pipeline.report import write_backtest
from alphafactory.pipeline.search import run_sweep

if TYPE_CHECKING:
    from nights import Nights

FIRST, LAST = date(2022, 6, 1), date(2024, 3, 1)
LEADER = '''"""Hold who rose most in a month."""

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.strategies.base import Strategy


class Leader(Strategy):
    """From each month's end hold the members that rose most, in equal parts."""

    name = "leader"
    title = idea = source = fails_when = "What rose goes on rising."
    scope = "universe"
    parameters = {"places": Parameter(1, 1, 3, "symbols held")}
    indicators = {"rise": IndicatorRequest("roc", {"period": 20})}

    @staticmethod
    def signals(view, params):
        """Return 1 over the number of places for each leader."""
        rise = np.where(view.member, view.indicators["rise"], np.nan)
        places = int(params["places"])
        target, held = np.zeros(view.close.shape), np.zeros(view.close.shape[1])
        for row in np.flatnonzero(view.last_of("M")):
            order = np.argsort(np.where(np.isnan(rise[row]), np.inf, -rise[row]), kind="stable")
            held = np.zeros(view.close.shape[1])
            held[order[:places]] = np.where(np.isnan(rise[row][order[:places]]), 0.0, 1.0 / places)
            target[row:] = held
        return target
'''


@pytest.fixture
def market(nights: Nights) -> PriceFile:
    file = PriceFile(nights, symbols=4, first=FIRST, last=LAST)
    file.write()
    (nights.folder / "strategies").mkdir()
    (nights.folder / "strategies" / "leader.py").write_text(LEADER, encoding="utf-8")
    nights.settings |= {"backtest.strategies": ["buy_and_hold", "leader"], "reports.pages": 10}
    return file


def account(nights: Nights) -> tuple[int, str, str, int]:
    ((key, scope, status, traded),) = nights.ask(
        "SELECT b.id, b.scope, b.status, (SELECT count(DISTINCT t.symbol) FROM trades t WHERE t.backtest_id = b.id) "
        "FROM v_current_backtests b WHERE b.symbol_id IS NULL"
    )
    return key, scope, status, traded


@pytest.mark.usefixtures("market")
def test_the_night_makes_one_account_of_all_symbols(nights: Nights) -> None:
    result = nights.run(LAST, evening(LAST), report=True)
    assert result.outcome == "fine", result.steps
    key, scope, status, traded = account(nights)
    assert (scope, status) == ("all", "done")
    assert traded >= 3
    assert nights.ask("SELECT settings->>'sizing' FROM backtests WHERE id = %s", key) == [("percent:1",)]
    assert nights.ask("SELECT ticker FROM v_current_backtests WHERE id = %s", key) == [("all",)]
    assert nights.ask("SELECT position IS NULL FROM equity WHERE backtest_id = %s", key) == [(True,)]
    html = (nights.folder / "reports" / "index.html").read_text(encoding="utf-8")
    assert 'data-strategy="leader"' in html
    with nights.workspace(LAST) as workspace:
        page = write_backtest(workspace, key).read_text(encoding="utf-8")
    assert "all members in equal parts" in page
    assert "Trades on price" not in page
    before = nights.tables()
    again = nights.run(LAST, later_that_evening(LAST))
    assert {step.name: step.rows for step in again.steps}["backtests"] == 0
    assert nights.tables() == before


@pytest.mark.usefixtures("market")
def test_targets_are_shares_of_equity_and_change_hands_once_a_month(nights: Nights) -> None:
    nights.run(LAST, evening(LAST))
    key, *_ = account(nights)
    rows = nights.ask("SELECT entry_session, symbol FROM trades WHERE backtest_id = %s ORDER BY 1", key)
    months = [(session.year, session.month) for session, _ in rows]
    assert len(months) == len(set(months))  # one leader at a time, chosen at most monthly
    ((cash,),) = nights.ask("SELECT cash[array_length(cash, 1)] / equity[array_length(equity, 1)] FROM equity "
                            "WHERE backtest_id = %s", key)  # fmt: skip
    assert abs(cash) < 0.05


def test_a_restated_price_of_one_symbol_makes_the_account_stale(nights: Nights, market: PriceFile) -> None:
    nights.run(LAST, evening(LAST))
    before, *_ = account(nights)
    market.row("S2", date(2023, 6, 1))[5] *= 1.004
    market.write()
    nights.run(LAST, later_that_evening(LAST))
    after, *_ = account(nights)
    assert after != before
    assert nights.ask("SELECT superseded_by FROM backtests WHERE id = %s", before) == [(after,)]


@pytest.mark.usefixtures("market")
def test_an_account_that_is_asked_for_no_more_is_withdrawn(nights: Nights) -> None:
    nights.run(LAST, evening(LAST))
    nights.settings["backtest.strategies"] = ["buy_and_hold"]
    nights.run(LAST, later_that_evening(LAST))
    assert nights.ask("SELECT count(*) FROM v_current_backtests WHERE symbol_id IS NULL") == [(0,)]


@pytest.mark.usefixtures("market")
def test_a_strategy_that_fails_is_a_row_with_its_error(nights: Nights) -> None:
    broken = LEADER.replace("places = int(params", "places = int(nothing")
    (nights.folder / "strategies" / "leader.py").write_text(broken, encoding="utf-8")
    result = nights.run(LAST, evening(LAST))
    assert result.outcome == "partial"
    ((status, error),) = nights.ask("SELECT status, error FROM backtests WHERE symbol_id IS NULL")
    assert status == "failed"
    assert "NameError in leader" in error


@pytest.mark.usefixtures("market")
def test_a_period_in_which_nobody_trades_fails_the_account_and_not_the_night(nights: Nights) -> None:
    nights.settings["backtest.start"] = nights.settings["backtest.end"] = date(2030, 1, 2)
    result = nights.run(LAST, evening(LAST))
    assert {step.name: step.outcome for step in result.steps}["backtests"] == "partial"
    rows = nights.ask("SELECT status, error FROM backtests WHERE symbol_id IS NULL AND period_start = '2030-01-02'")
    assert [status for status, _ in rows] == ["failed"]
    assert "No symbol has a usable bar in the period" in rows[0][1]


@pytest.mark.usefixtures("market")
def test_on_demand_on_chosen_symbols_and_explained_in_words(nights: Nights) -> None:
    nights.run(LAST, evening(LAST))
    with nights.workspace(LAST) as workspace:
        found = run_adhoc(workspace, "leader", ["S0", "S3"], {"places": "1"})
        (result,) = found.results
        assert result["symbol"] == "S0, S3"
        with pytest.raises(UsageError, match="one account over many symbols"):
            explain(workspace, int(str(result["backtest_id"])))


@pytest.mark.usefixtures("market")
def test_a_search_makes_one_trial_a_set_and_its_numbers_are_the_backtests(nights: Nights) -> None:
    nights.run(LAST, evening(LAST))
    with nights.workspace(LAST) as workspace:
        found = run_sweep(workspace, "leader", "all", ["places=1:3:1"], {})
        again = run_sweep(workspace, "leader", "all", ["places=1:3:1"], {})
    assert (found.evaluated, found.known, again.known) == (3, False, True)
    trials = dict(nights.ask("SELECT params->>'places', total_return FROM v_trials WHERE symbol_id = 0"))
    ((night,),) = nights.ask("SELECT total_return FROM v_current_backtests WHERE symbol_id IS NULL")
    assert trials["1"] == pytest.approx(night, rel=1e-12)
    assert len(set(trials.values())) == 3
    assert nights.ask("SELECT DISTINCT ticker FROM v_trials") == [("all",)]


@pytest.mark.usefixtures("market")
def test_a_sleeve_of_a_portfolio_may_see_the_universe(nights: Nights) -> None:
    none = ("max_position", "max_sector", "cash_reserve", "trade_loss", "day_loss", "week_loss", "drawdown")
    lead = {
        "symbols": ["S0", "S1", "S2", "S3"],
        "sleeves": [{"strategy": "leader", "capital": 1}],
        "allocation": "none",
        "rebalance": "never",
        "simulation": {"sizing": "percent:100%"},
        "risk": dict.fromkeys(none, "none") | {"max_correlated": 0},
    }
    nights.settings["portfolios"] = {"lead": lead}
    nights.run(LAST, evening(LAST))
    with nights.workspace(LAST) as workspace:
        answer = ask_for_portfolio(workspace, "lead").result
    ((alone,),) = nights.ask("SELECT total_return FROM v_current_backtests WHERE symbol_id IS NULL")
    assert answer["metrics"]["total_return"] == pytest.approx(alone, abs=0.02)
    assert np.isfinite(alone)
