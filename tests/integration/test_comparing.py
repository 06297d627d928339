"""Comparisons and correlations on a real database: what is measured, what is written, and what a second one finds."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from nights import Nights, PriceFile

from alphafactory.cli import main
from alphafactory.errors import SimulationError, UnknownNameError, UsageError
from alphafactory.metrics import simple_returns
from alphafactory.metrics.significance import Difference, holm_adjusted, paired_test
from alphafactory.pipeline import comparing, correlating, gate, ingest
from alphafactory.pipeline.comparing import run_comparison
from alphafactory.pipeline.correlating import run_correlations
from alphafactory.pipeline.running import run_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from alphafactory.pipeline.comparing import ComparisonResult

NIGHT = date(2024, 3, 1)
NOW = datetime(2024, 3, 2, 3, tzinfo=UTC)
OWN = """
import numpy as np
from alphafactory.strategies.base import Strategy

class EqualParts(Strategy):
    name = "equal_parts"
    title = idea = source = fails_when = "x"
    scope = "universe"

    @staticmethod
    def signals(view, params):
        there = np.isfinite(view.close)
        return np.where(there, 1.0 / np.maximum(there.sum(axis=1, keepdims=True), 1), 0.0)

class Nothing(Strategy):
    name = "nothing"
    title = idea = source = fails_when = "x"

    @staticmethod
    def signals(view, params):
        return np.zeros(view.close.shape)
"""


@pytest.fixture
def priced(nights: Nights) -> Nights:
    """Three symbols with 292 sessions each, and one that was listed two months ago."""
    file = PriceFile(nights, symbols=4)
    file.rows = [row for row in file.rows if row[0] != "S3" or row[1] > date(2024, 1, 2)]
    file.write()
    folder = nights.folder / "strategies"
    folder.mkdir()
    (folder / "own.py").write_text(OWN, encoding="utf-8")
    with nights.workspace(NIGHT) as workspace:
        result = run_job(workspace, "load", [("download", ingest.download), ("quality", gate.check_quality)])
        assert result is not None
        assert result.outcome == "fine", result.steps
    return nights


def compared(nights: Nights, *strategies: str, symbols: Any = ("S0", "S1", "S2"), **more: Any) -> ComparisonResult:
    with nights.workspace(NIGHT) as workspace:
        return run_comparison(workspace, strategies, symbols, **{"draws": 2000, **more})


def curves_of(nights: Nights, strategy: str) -> dict[str, tuple[list[date], np.ndarray]]:
    """Return sessions and returns of a strategy's stored curves by symbol."""
    query = """
    SELECT coalesce(y.ticker, '*'), e.sessions, e.equity, b.start_equity FROM backtests b
    JOIN strategies s ON s.id = b.strategy_id JOIN equity e ON e.backtest_id = b.id
    LEFT JOIN symbols y ON y.id = b.symbol_id WHERE s.name = %s
    """
    rows = nights.ask(query, strategy)
    return {ticker: (days, simple_returns(np.array(equity), start)) for ticker, days, equity, start in rows}


def test_strategies_are_ranked_beside_the_baseline_and_holding(priced: Nights) -> None:
    found = compared(priced, "equal_parts", "sma_crossover & trend_filter", symbols=("S0", "S1", "S2"))
    assert found.outcome == "fine"
    rows = {row["strategy"]: row for row in found.rows}
    assert set(rows) == {"equal_parts", "sma_crossover & trend_filter", "sma_crossover", "buy_and_hold"}
    assert [row["rank"] for row in found.rows] == [1, 2, 3, 4]
    # One of them is spread over all symbols: like is ranked with like.
    averages = [row["average_sharpe"] for row in found.rows]
    assert averages == sorted(averages, reverse=True)
    assert any("equal_parts: one account for all symbols" in line for line in found.sentences)
    assert rows["equal_parts"]["average_sharpe"] == pytest.approx(rows["equal_parts"]["median_sharpe"], rel=1e-12)
    several = compared(priced, "nothing", "sma_crossover & trend_filter").rows
    medians = [row["median_sharpe"] for row in several if row["median_sharpe"] is not None]
    assert medians == sorted(medians, reverse=True)
    assert (several[-1]["strategy"], several[-1]["median_sharpe"], len(medians)) == ("nothing", None, 3)
    query = """
    SELECT sharpe, total_return, max_drawdown, n_trades FROM backtests b
    JOIN strategies s ON s.id = b.strategy_id WHERE s.name = %s ORDER BY symbol_id
    """
    table = {name: np.array(priced.ask(query, name), dtype=float) for name in ("sma_crossover", "buy_and_hold")}
    for name, numbers in table.items():
        row = rows[name]
        assert (row["accounts"], row["scope"]) == (3, "symbol")
        assert row["median_sharpe"] == pytest.approx(np.median(numbers[:, 0]), rel=1e-12)
        assert row["mean_return"] == pytest.approx(numbers[:, 1].mean(), rel=1e-12)
        assert row["median_max_drawdown"] == pytest.approx(np.median(numbers[:, 2]), rel=1e-12)
        assert row["n_trades"] == numbers[:, 3].sum()
    above = (table["sma_crossover"][:, 0] > table["buy_and_hold"][:, 0]).mean()
    assert rows["sma_crossover"]["beats_hold"] == above
    assert rows["buy_and_hold"]["beats_baseline"] == 1.0 - above
    assert rows["buy_and_hold"]["beats_hold"] is None
    assert (rows["equal_parts"]["accounts"], rows["equal_parts"]["scope"]) == (1, "universe")


def test_the_tests_are_of_the_averages_on_common_sessions(priced: Nights) -> None:
    found = compared(priced, "equal_parts", "nothing", seed=5)
    rows = {row["strategy"]: row for row in found.rows}
    average = {}
    for name in ("sma_crossover", "buy_and_hold"):
        curves = curves_of(priced, name)
        assert len({tuple(sessions) for sessions, _ in curves.values()}) == 1
        average[name] = np.mean([returns for _, returns in curves.values()], axis=0)
    [(sessions, average["equal_parts"])] = curves_of(priced, "equal_parts").values()
    comparison = found.comparison
    assert comparison["n_sessions"] == len(sessions) == 292
    assert (comparison["start_session"], comparison["end_session"]) == (sessions[0], sessions[-1])
    wanted = paired_test(
        average["equal_parts"], average["sma_crossover"], periods_per_year=252, risk_free_rate=0.0, draws=2000, seed=5
    )
    row = rows["equal_parts"]
    assert isinstance(wanted.sharpe, Difference)
    assert isinstance(wanted.mean_return, Difference)
    assert row["sharpe_over_baseline"] == pytest.approx(wanted.sharpe.value, rel=1e-9)
    assert row["return_over_baseline_low"] == pytest.approx(wanted.mean_return.low, rel=1e-9)
    assert row["sharpe_over_baseline_p"] == pytest.approx(wanted.sharpe.p_value, abs=2 / 2000)
    assert row["block_length_baseline"] == pytest.approx(wanted.block_length, rel=1e-9)
    # One of the two never trades, so that there is one Sharpe ratio to test, and two means.
    assert rows["nothing"]["undefined"]["sharpe_over_hold"] == "zero_volatility"
    assert rows["nothing"]["sharpe_over_hold"] is None
    assert row["sharpe_over_hold_p_holm"] == row["sharpe_over_hold_p"]
    means = np.array([one["return_over_hold_p"] for one in (row, rows["nothing"])])
    adjusted = [one["return_over_hold_p_holm"] for one in (row, rows["nothing"])]
    assert adjusted == pytest.approx(holm_adjusted(means).tolist(), rel=1e-12)
    # Nobody asked about the baseline: it is tested against holding, and adjusts nothing.
    assert rows["sma_crossover"]["sharpe_over_hold_p"] is not None
    assert rows["sma_crossover"]["sharpe_over_hold_p_holm"] is None
    said = [line for line in found.sentences if line.startswith("equal_parts against")]
    assert [line.split(":")[0] for line in said] == [
        "equal_parts against sma_crossover",
        "equal_parts against buy_and_hold",
    ]
    assert any("never moves" in line for line in found.sentences)


def test_the_same_comparison_is_the_same_row(priced: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    first = compared(priced, "equal_parts", "nothing")
    before = {name: priced.table(name) for name in ("comparisons", "comparison_rows", "backtests")}
    with monkeypatch.context() as patched:
        patched.setattr(comparing, "comparison_rows", lambda *_, **__: pytest.fail("it computes again"))
        again = compared(priced, "nothing", "equal_parts", "nothing", symbols=("S2", "S1", "S0"))
    assert (first.known, again.known) == (False, True)
    assert (again.comparison_id, again.rows, again.sentences) == (first.comparison_id, first.rows, first.sentences)
    assert {name: priced.table(name) for name in before} == before
    for other in ({"seed": 2}, {"draws": 2001}, {"symbols": ("S0", "S1")}, {"baseline": "nothing"}):
        assert not compared(priced, "equal_parts", "nothing", **other).known
    assert len(priced.table("comparisons")) == 5


def test_less_than_a_year_is_refused_and_a_short_symbol_is_named(priced: Nights) -> None:
    with pytest.raises(UsageError, match=r"a year.*earlier --from"):
        compared(priced, "nothing", start=date(2023, 9, 1))
    with pytest.raises(UsageError, match="the longest has 41 sessions"):
        compared(priced, "nothing", symbols=("S3",), baseline="nothing")
    found = compared(priced, "nothing", symbols="all", baseline="buy_and_hold")
    assert found.outcome == "partial"
    assert found.comparison["symbols"] == ["S0", "S1", "S2"]
    [left] = [one for one in found.failures if one["subject"] == "S3"]
    assert "41 sessions" in left["message"]
    assert priced.table("comparisons")[0]["failures"] == list(found.failures)


def test_who_failed_the_audit_is_ranked_nowhere(priced: Nights) -> None:
    compared(priced, "nothing", "equal_parts")
    priced.ask("UPDATE verdicts SET passed = false, errors = 1 WHERE strategy_id = "
               "(SELECT id FROM strategies WHERE name = 'nothing')")  # fmt: skip
    found = compared(priced, "nothing", "equal_parts")
    assert "nothing" not in {row["strategy"] for row in found.rows}
    assert found.comparison["strategies"] == ["nothing", "equal_parts"]
    assert [one["subject"] for one in found.failures] == ["nothing"]
    assert "audit" in found.failures[0]["message"]
    with pytest.raises(SimulationError, match=r"nothing has no result to compare\. Its audit failed"):
        compared(priced, "nothing")
    with pytest.raises(SimulationError, match="Its audit failed"):
        compared(priced, "equal_parts", baseline="nothing")


def test_names_are_judged_before_anything_is_simulated(priced: Nights) -> None:
    with pytest.raises(UnknownNameError, match="no_such_strategy"):
        compared(priced, "nothing", "no_such_strategy")
    with pytest.raises(UsageError, match="trend_filter is a filter"):
        compared(priced, "trend_filter")
    assert priced.ask("SELECT count(*) FROM backtests") == [(0,)]


def test_redundant_features_are_found_once_and_again(priced: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    with priced.workspace(NIGHT) as workspace:
        first = run_correlations(workspace)
        assert not first.known
        with monkeypatch.context() as patched:
            patched.setattr(correlating, "rank_correlation", lambda *_: pytest.fail("it computes again"))
            again = run_correlations(workspace)
        assert again.known
        assert (again.run_id, again.features) == (first.run_id, first.features)
        assert not run_correlations(workspace, 0.8).known
        third = run_correlations(workspace)
    assert third.run_id == first.run_id  # measured again, it is the newest
    assert first.run["symbols"] == ["S0", "S1", "S2"]
    assert any(one["subject"] == "S3" for one in first.run["left_out"])
    assert any("index" in one["message"] for one in first.run["left_out"])
    cluster = {row["feature"]: row["cluster"] for row in first.features}
    assert cluster["variance_20"] == cluster["standard_deviation_20"]
    assert cluster["rsi_14"] != cluster["sma_20"]
    kept = [row["feature"] for row in first.features if row["keep"]]
    assert len(kept) == len(set(cluster.values()))
    assert len(first.features) == first.run["n_features"] == len(cluster)
    pairs = priced.ask("SELECT count(*) FROM feature_correlations WHERE run_id = %s", first.run_id)
    assert pairs == [(len(cluster) * (len(cluster) - 1) // 2,)]
    for row in first.clusters[0]:
        assert row["mean_correlation"] >= 0.9
    worst = priced.ask("SELECT min(abs(correlation)) FROM v_feature_correlations WHERE one_cluster")
    assert worst[0][0] >= 0.9


def test_the_report_shows_the_newest_measurement(priced: Nights) -> None:
    folder = priced.folder / "reports"
    assert priced.run(NIGHT, report=True).report
    assert "correlations.html" not in (folder / "index.html").read_text(encoding="utf-8")
    with priced.workspace(NIGHT) as workspace:
        found = run_correlations(workspace, 0.85)
    assert found.page == folder / "correlations.html"
    found.page.unlink()
    priced.run(NIGHT, report=True)
    assert 'href="correlations.html"' in (folder / "index.html").read_text(encoding="utf-8")
    text = found.page.read_text(encoding="utf-8")
    assert 'href="index.html"' in text
    for name in ("rsi_14", "sma_20", "0.85", "Set backtest.index"):
        assert name in text
    assert re.search(r'href="#heatmap".*id="chart-data"', text, re.DOTALL)


@pytest.fixture
def command(priced: Nights, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """A function that runs a command on the priced symbols."""
    config: dict[str, Any] = {
        "database": {"url": priced.url},
        "paths": {"var": str(priced.cache), "strategies": str(priced.folder / "strategies")},
        "compute": {"backend": "sequential"},
        "reports": {"dir": str(priced.folder / "reports")},
        "sources": {"order": ["csv"], "csv": {"path": str(priced.folder / "prices.csv"), "basis": "raw"}},
    }
    (priced.folder / "global_config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main([*words, "--quiet"], NOW, root=priced.folder, environ={})
        return status, *capsys.readouterr()

    return run


def test_both_commands_print_and_answer_in_json(command: Callable[..., tuple[int, str, str]]) -> None:
    words = ("compare", "equal_parts", "nothing", "--symbols", "S0,S1,S2", "--draws", "2000")
    status, out, err = command(*words)
    assert (status, err) == (0, "")
    assert re.findall(r"^ +(\d) +\w", out, re.MULTILINE) == ["1", "2", "3", "4"]
    assert "2,000 draws of the stationary bootstrap" in out
    assert "chance" in out
    status, out, _ = command(*words, "--commission", "ibkr_fixed", "--baseline", "nothing", "--json")
    found = json.loads(out)
    assert status == 0
    assert found["comparison"]["settings"]["commission"] == "ibkr_fixed"
    assert found["comparison"]["baseline"] == "nothing"
    assert [row["rank"] for row in found["rows"]] == [1, 2, 3]
    status, out, err = command("compare", "nothing", "--symbols", "S0", "--universe", "u")
    assert (status, out) == (2, "")
    assert "exclude each other" in err
    status, out, err = command("indicators", "correlate", "--threshold", "0.95")
    assert (status, err) == (0, "")
    assert "say what another one says" in out
    status, out, _ = command("indicators", "correlate", "--threshold", "0.95", "--json")
    found = json.loads(out)
    assert found["known"] is True
    assert found["threshold"] == 0.95
    assert {"feature", "cluster", "keep", "warm_up"} <= set(found["features"][0])
