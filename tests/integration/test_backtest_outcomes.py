"""What a night and a person get: results beside an index, symbols that are too short, settings given in words."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from nights import Nights, PriceFile

from alphafactory.errors import UsageError
from alphafactory.pipeline.backtest import run_adhoc
from alphafactory.pipeline.explaining import explain

if TYPE_CHECKING:
    from alphafactory.pipeline.running import JobResult, StepResult

DAY = date(2024, 2, 15)
SHORT = date(2024, 1, 2)


def backtests_of(result: JobResult) -> StepResult:
    return next(step for step in result.steps if step.name == "backtests")


@pytest.fixture
def file(nights: Nights) -> PriceFile:
    """Two symbols with a year of prices, and S2, listed 32 sessions before."""
    made = PriceFile(nights, symbols=3, last=date(2024, 4, 30))
    made.rows = [row for row in made.rows if row[0] != "S2" or row[1] >= SHORT]
    made.write(until=DAY)
    return made


def test_a_symbol_shorter_than_the_warm_up_is_skipped_until_it_is_not(nights: Nights, file: PriceFile) -> None:
    first = nights.run(DAY)
    assert first.outcome == "fine"
    found = nights.ask("SELECT scope, error FROM backtests WHERE status = 'skipped'")
    assert [scope for scope, _ in found] == ["S2"]
    assert "S2 has 32 usable bars" in found[0][1]
    assert "needs 50" in found[0][1]
    assert "5 of 5 backtests computed" in backtests_of(first).message
    assert "1 skipped for too few bars: S2 has 32 usable bars" in backtests_of(first).message
    assert nights.ask("SELECT strategy FROM v_current_backtests WHERE ticker = 'S2'") == [("buy_and_hold",)]

    again = nights.run(DAY)
    assert "0 of 5 backtests computed" in backtests_of(again).message
    assert "1 skipped" in backtests_of(again).message
    assert nights.ask("SELECT count(*) FROM backtests WHERE status = 'skipped'") == [(1,)]

    later = date(2024, 4, 15)
    file.write(until=later)
    grown = backtests_of(nights.run(later))
    assert "6 of 6 backtests computed" in grown.message
    assert "skipped" not in grown.message
    assert nights.ask("SELECT count(*) FROM v_current_backtests WHERE ticker = 'S2'") == [(2,)]
    assert nights.ask("SELECT count(*) FROM backtests WHERE status = 'skipped' AND superseded_by IS NULL") == [(0,)]


def test_a_person_is_told_of_too_few_bars_whoever_asked_first(nights: Nights, file: PriceFile) -> None:
    assert file.path.exists()
    nights.run(DAY)
    with nights.workspace(DAY) as workspace:
        for params in ({}, {"fast": "5", "slow": "33"}):  # what the night has skipped already, and a new question
            found = run_adhoc(workspace, "sma_crossover", ["S0", "S2"], params)
            assert found.outcome == "partial"
            assert [result["symbol"] for result in found.results] == ["S0"]
            (fault,) = found.failures
            assert "S2 has 32 usable bars" in fault["message"]
        enough = run_adhoc(workspace, "sma_crossover", ["S2"], {"fast": "5", "slow": "32"})
        assert enough.outcome == "fine"
        nothing = run_adhoc(workspace, "sma_crossover", ["S0"], {}, end=date(2023, 1, 31))
        assert (nothing.outcome, nothing.results) == ("failed", [])


def test_results_stand_beside_the_index_and_follow_it(nights: Nights, file: PriceFile) -> None:
    nights.settings["backtest.index"] = "S1"
    assert nights.run(DAY).outcome == "fine"
    query = (
        "SELECT index_symbol, beta, alpha, index_return FROM v_current_backtests WHERE ticker = %s AND strategy = %s"
    )
    ((symbol, beta, alpha, index_return),) = nights.ask(query, "S0", "buy_and_hold")
    assert symbol == "S1"
    assert alpha is not None
    closes = [row[5] for row in file.rows if row[0] == "S1" and row[1] <= DAY]
    assert index_return == pytest.approx(closes[-1] / closes[0] - 1, rel=1e-9)
    ((_, own, _, _),) = nights.ask(query, "S1", "buy_and_hold")
    assert own > 0.9 > abs(beta)

    file.row("S1", date(2023, 6, 1))[5] += 0.4
    file.write(until=DAY)
    assert "5 of 5 backtests computed" in backtests_of(nights.run(DAY + timedelta(days=1))).message
    ((_, changed, _, _),) = nights.ask(query, "S0", "buy_and_hold")
    assert changed != beta


def test_without_an_index_its_metrics_say_so(nights: Nights, file: PriceFile) -> None:
    assert file.path.exists()
    nights.run(DAY)
    query = "SELECT DISTINCT index_symbol, alpha, undefined->>'alpha', hold_beta IS NULL FROM v_current_backtests"
    assert nights.ask(query + " WHERE strategy = 'buy_and_hold'") == [(None, None, "no_index", False)]


def test_an_index_that_is_not_there_makes_the_night_partial(nights: Nights, file: PriceFile) -> None:
    assert file.path.exists()
    nights.settings["backtest.index"] = "SPX"
    result = nights.run(DAY)
    assert result.outcome == "partial"
    assert [(fault["kind"], fault["subject"]) for fault in backtests_of(result).failures] == [("index", "SPX")]
    assert nights.ask("SELECT count(*) FROM v_current_backtests") == [(5,)]
    with nights.workspace(DAY) as workspace, pytest.raises(UsageError, match="no symbol 'SPX'"):
        run_adhoc(workspace, "buy_and_hold", ["S0"], {})


def test_settings_in_words_and_profiles_are_stored_with_the_result(nights: Nights, file: PriceFile) -> None:
    assert file.path.exists()
    nights.settings["simulation.profiles"] = {"careful": {"slippage": "bps:20", "stop": "4%"}}
    nights.run(DAY)
    with nights.workspace(DAY) as workspace:
        found = run_adhoc(workspace, "buy_and_hold", ["S0"], {}, words={"stop": "2%"}, profile="careful")
        (plain,) = run_adhoc(workspace, "buy_and_hold", ["S0"], {}).results
        with pytest.raises(UsageError, match="careless"):
            run_adhoc(workspace, "buy_and_hold", ["S0"], {}, profile="careless")
        with pytest.raises(UsageError, match="stop"):
            run_adhoc(workspace, "buy_and_hold", ["S0"], {}, words={"stop": "-2%"})
    (result,) = found.results
    assert (result["settings"]["stop"], result["settings"]["slippage"]) == ("2%", "bps:20")
    assert plain["settings"]["stop"] == "none"
    assert result["fingerprint"] != plain["fingerprint"]
    assert {trade["exit_reason"] for trade in result["trades"]} == {"stop"}
    kinds = [(order["kind"], order["outcome"]) for order in result["orders"]]
    assert kinds == [("market", "filled"), ("stop", "filled")]
    assert nights.ask("SELECT origin FROM backtests WHERE id = %s", result["backtest_id"]) == [("adhoc",)]


def test_a_combination_is_backtested_at_night_and_on_demand(nights: Nights, file: PriceFile) -> None:
    assert file.path.exists()
    text = "0.6*sma_crossover+0.4*buy_and_hold"
    nights.settings["backtest.strategies"] = [text]
    assert nights.run(DAY).outcome == "fine"
    query = "SELECT strategy FROM v_current_backtests WHERE ticker = 'S0' ORDER BY id"
    assert sorted(name for (name,) in nights.ask(query)) == [text, "buy_and_hold"]
    with nights.workspace(DAY) as workspace:
        found = run_adhoc(workspace, text, ["S0"], {"sma_crossover.fast": "5"})
        (result,) = found.results
        assert explain(workspace, int(str(result["backtest_id"]))).agrees
    assert (found.outcome, result["strategy"], result["params"]) == (
        "fine", text, {"sma_crossover.fast": 5, "sma_crossover.slow": 50},
    )  # fmt: skip


def test_the_index_is_followed_and_judged_though_it_is_no_member(nights: Nights, file: PriceFile) -> None:
    file.row("S1", date(2023, 6, 1))[6] *= -1
    file.write(until=DAY)
    nights.settings |= {"universe.symbols": ["S0"], "backtest.index": "S1"}
    assert nights.run(DAY).outcome == "fine"
    assert nights.ask("SELECT DISTINCT ticker FROM v_current_backtests") == [("S0",)]
    assert nights.ask("SELECT ticker, session FROM v_quarantined") == [("S1", date(2023, 6, 1))]
    assert nights.ask("SELECT count(*) FROM v_current_backtests WHERE beta IS NOT NULL") == [(2,)]
    assert nights.ask("SELECT ticker FROM symbols ORDER BY 1") == [("S0",), ("S1",)]
