"""Nights with portfolios: what runs, what stands, what is superseded, and what bad input does to whom."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from nights import evening, later_that_evening
from portfolio_markets import CROSSOVER, HOLD, LAST, failures, portfolio, runs, small_market

from alphafactory.errors import UnknownNameError, UsageError
from alphafactory.pipeline.explaining import explain
from alphafactory.pipeline.portfolios import ask_for_portfolio
from alphafactory.pipeline.report import write_backtest

if TYPE_CHECKING:
    from nights import Nights

TWO = {
    "held": portfolio(HOLD, risk={"max_position": "30%", "day_loss": "1%"}),
    "mixed": portfolio(CROSSOVER | {"capital": 0.6}, HOLD | {"capital": 0.4}, allocation="min_variance", sessions=20),
}
DETAIL = (
    "target_weights", "positions", "exposures", "risk_events", "limit_effects", "portfolio_measures", "next_orders",
    "trades", "orders", "equity",
)  # fmt: skip


def test_a_night_runs_each_portfolio_and_another_changes_nothing(nights: Nights) -> None:
    small_market(nights)
    nights.settings["portfolios"] = TWO
    first = nights.run(LAST, evening(LAST))
    assert first.outcome == "fine", first.steps
    assert {name: status for name, (_, status, _) in runs(nights).items()} == {"held": "done", "mixed": "done"}
    for table in DETAIL:
        joined = f"{table} t JOIN backtests b ON b.id = t.backtest_id"
        query = f"SELECT count(*) > 0 FROM {joined} WHERE b.portfolio_id IS NOT NULL"
        assert nights.ask(query) == [(True,)], table
    assert nights.ask("SELECT count(*) FROM allocation_fits WHERE allocation = 'min_variance'")[0][0] >= 5
    before = nights.tables()
    again = nights.run(LAST, later_that_evening(LAST))
    assert {step.name: step.rows for step in again.steps}["portfolios"] == 0
    assert nights.tables() == before


def test_what_changed_supersedes_and_what_is_gone_is_withdrawn(nights: Nights) -> None:
    file = small_market(nights)
    nights.settings["portfolios"] = TWO
    nights.run(LAST, evening(LAST))
    before = runs(nights)
    file.row("S1", date(2023, 7, 3))[5] *= 1.004
    file.write()
    nights.settings["portfolios"] = {"held": TWO["held"]}
    nights.run(LAST, later_that_evening(LAST))
    after = runs(nights)
    assert set(after) == {"held"}
    assert after["held"][0] != before["held"][0]
    old = dict(nights.ask("SELECT id, superseded_by FROM backtests WHERE portfolio_id IS NOT NULL"))
    assert old[before["held"][0]] == after["held"][0]
    assert old[before["mixed"][0]] == before["mixed"][0]


def test_a_definition_that_changes_is_another_question_with_the_same_name(nights: Nights) -> None:
    small_market(nights)
    nights.settings["portfolios"] = {"held": TWO["held"]}
    nights.run(LAST, evening(LAST))
    first = runs(nights)["held"][0]
    nights.settings["portfolios"] = {"held": portfolio(HOLD, rebalance="weekly")}
    nights.run(LAST, later_that_evening(LAST))
    assert runs(nights)["held"][0] != first
    assert nights.ask("SELECT count(*) FROM portfolios WHERE name = 'held'") == [(2,)]


def test_bad_input_costs_its_own_portfolio_alone(nights: Nights) -> None:
    small_market(nights)
    nights.settings["portfolios"] = {
        "good": portfolio(HOLD),
        "typed": portfolio(HOLD, symbols=["S0", "S11"]),
        "nobody": portfolio(HOLD, symbols=["XX"]),
        "unknown_sector": portfolio(HOLD, sectors={"Enrgy": [0, "10%"]}),
        "unknown_strategy": portfolio({"strategy": "sma_crosover"}),
    }
    night = nights.run(LAST, evening(LAST))
    assert night.outcome == "partial"
    told = {(kind, subject): message for kind, subject, message in failures(nights)}
    assert "Did you mean 'S1'?" in told["symbol", "S11"]
    assert "There is no symbol 'XX'" in told["portfolio", "nobody"]
    assert "Did you mean 'Energy'?" in told["portfolio", "unknown_sector"]
    assert "Did you mean 'sma_crossover'?" in told["portfolio", "unknown_strategy"]
    assert {name for name, (_, status, _) in runs(nights).items() if status == "done"} == {"good", "typed"}
    assert nights.ask("SELECT DISTINCT symbol FROM trades t JOIN backtests b ON b.id = t.backtest_id "
                      "WHERE b.scope = 'typed'") == [("S0",)]  # fmt: skip
    nights.run(LAST, later_that_evening(LAST))
    assert ("symbol", "S11") in {(kind, subject) for kind, subject, _ in failures(nights)}


def test_bounds_that_nobody_can_satisfy_fall_back_and_are_named(nights: Nights) -> None:
    small_market(nights)
    bounds = {"sectors": {"Utilities": ["50%", "60%"]}, "max_weight": "30%"}
    nights.settings["portfolios"] = {"tight": portfolio(HOLD, allocation="min_variance", sessions=20, **bounds)}
    assert nights.run(LAST, evening(LAST)).outcome == "fine"
    notes = [words for (words,) in nights.ask("SELECT detail->>'words' FROM portfolio_measures WHERE kind = 'note'")]
    assert any("sectors.Utilities" in words and "30" in words for words in notes), notes
    assert nights.ask("SELECT count(*) > 0 FROM trades t JOIN backtests b ON b.id = t.backtest_id "
                      "WHERE b.scope = 'tight'") == [(True,)]  # fmt: skip


def test_one_symbol_without_limits_is_its_backtest(nights: Nights) -> None:
    small_market(nights)
    nights.settings |= {"backtest.strategies": ["sma_crossover"], "simulation.stop": "4%"}
    alone = portfolio({"strategy": "sma_crossover"}, symbols=["S0"], allocation="none", rebalance="never")
    nights.settings["portfolios"] = {"alone": alone}
    assert nights.run(LAST, evening(LAST)).outcome == "fine"
    query = (
        "SELECT e.equity, e.cash, b.sharpe, b.n_trades FROM backtests b JOIN equity e ON e.backtest_id = b.id "
        "LEFT JOIN symbols y ON y.id = b.symbol_id LEFT JOIN strategies s ON s.id = b.strategy_id "
        "WHERE b.portfolio_id IS NOT NULL OR (y.ticker = 'S0' AND s.name = 'sma_crossover')"
    )
    one, other = nights.ask(query)
    assert one == other
    assert one[3] > 1


def test_symbols_that_have_all_ceased_to_trade(nights: Nights) -> None:
    small_market(nights, 2, delisted="S0:2023-03-01 S1:2023-04-03")
    nights.settings["portfolios"] = {"over": portfolio(HOLD)}
    night = nights.run(LAST, evening(LAST))
    assert failures(nights) == [], night.steps
    key, status, _ = runs(nights)["over"]
    assert status == "done"
    reasons = nights.ask("SELECT symbol, exit_reason FROM trades WHERE backtest_id = %s ORDER BY symbol", key)
    assert reasons == [("S0", "delisted"), ("S1", "delisted")]
    assert nights.ask("SELECT count(*) FROM next_orders WHERE backtest_id = %s", key) == [(0,)]
    assert nights.ask("SELECT count(*) FROM positions WHERE backtest_id = %s AND session > '2023-04-03'", key) == [(0,)]


def test_a_strategy_that_fails_on_a_symbol_leaves_the_others(nights: Nights) -> None:
    file = small_market(nights)
    first = file.row("S2", file.rows[0][1])[5]
    folder = nights.folder / "strategies"
    folder.mkdir()
    text = (
        "import numpy as np\n\nfrom alphafactory.strategies.base import Strategy\n\n\n"
        "class Moody(Strategy):\n    name = 'moody'\n    title = 'Moody'\n    idea = 'Buys.'\n    source = 'None.'\n"
        "    fails_when = 'Prices fall.'\n    parameters = {}\n    indicators = {}\n\n    @classmethod\n"
        "    def signals(cls, view, params):\n"
        f"        if view.close[0, 0] == {first!r}:\n            raise RuntimeError('not this one')\n"
        "        return np.ones_like(view.close)\n"
    )
    (folder / "moody.py").write_text(text, encoding="utf-8")
    nights.settings["portfolios"] = {"some": portfolio({"strategy": "moody"})}
    for moment in (evening(LAST), later_that_evening(LAST)):
        assert nights.run(LAST, moment).outcome == "partial"
        assert [(kind, subject) for kind, subject, _ in failures(nights)] == [("signal", "moody on S2")]
    key = runs(nights)["some"][0]
    held = nights.ask("SELECT DISTINCT symbol FROM positions WHERE backtest_id = %s ORDER BY 1", key)
    assert held == [("S0",), ("S1",), ("S3",)]


def test_only_members_are_held(nights: Nights) -> None:
    small_market(nights)
    members = nights.folder / "members.csv"
    members.write_text("ticker,from,to\nS0,,2023-04-14\nS1,2023-03-15,\n", encoding="utf-8")
    nights.settings["universes"] = {"club": {"members": str(members)}}
    nights.settings["portfolios"] = {"club": portfolio(HOLD, universe="club")}
    nights.run(LAST, evening(LAST))
    key = runs(nights)["club"][0]
    query = "SELECT symbol, min(session), max(session) FROM positions WHERE backtest_id = %s GROUP BY symbol"
    spans = {symbol: (first, last) for symbol, first, last in nights.ask(query, key)}
    assert set(spans) == {"S0", "S1"}
    assert spans["S0"][1] <= date(2023, 4, 17)
    assert spans["S1"][0] > date(2023, 3, 15)


def test_a_past_night_sees_its_own_world_and_supersedes_nothing(nights: Nights) -> None:
    middle = date(2023, 6, 15)
    file = small_market(nights, until=middle)
    nights.settings["portfolios"] = {"held": TWO["held"]}
    nights.run(middle, evening(middle))
    [(then,)] = nights.ask("SELECT fingerprint FROM backtests WHERE portfolio_id IS NOT NULL")
    file.row("S0", date(2023, 6, 1))[5] *= 1.01
    file.write()
    nights.run(LAST, evening(LAST))
    current = runs(nights)["held"]
    repeated = nights.run(middle, evening(LAST, 1))
    assert {step.name: step.rows for step in repeated.steps}["portfolios"] == 0
    assert runs(nights)["held"] == current
    with nights.workspace(middle, evening(LAST, 1)) as workspace:
        told = ask_for_portfolio(workspace, "held").result
    assert (told["fingerprint"], told["end"]) == (then, middle)


def test_an_unknown_portfolio_is_refused_with_the_nearest(nights: Nights) -> None:
    small_market(nights)
    nights.settings["portfolios"] = {"held": TWO["held"]}
    with nights.workspace(LAST, evening(LAST)) as workspace, pytest.raises(UnknownNameError, match="mean 'held'"):
        ask_for_portfolio(workspace, "heldd")


def test_the_report_and_the_commands_know_a_portfolio_from_a_backtest(nights: Nights) -> None:
    small_market(nights)
    nights.settings["portfolios"] = {"held": TWO["held"]}
    night = nights.run(LAST, evening(LAST), report=True)
    assert night.outcome == "fine", night.steps
    key = runs(nights)["held"][0]
    page = (nights.folder / "reports" / "portfolios" / "held.html").read_text(encoding="utf-8")
    assert "S0" in page
    assert "portfolios/held.html" in (nights.folder / "reports" / "index.html").read_text(encoding="utf-8")
    with nights.workspace(LAST, later_that_evening(LAST)) as workspace:
        assert write_backtest(workspace, key).name == "portfolio-held.html"
        with pytest.raises(UsageError, match="a run of the portfolio 'held'"):
            explain(workspace, key, 1)
