"""Sweeps on a real database: what is written, what is counted, what is ranked, and what a second one finds."""

from __future__ import annotations

import threading
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from nights import Nights, PriceFile

from alphafactory.errors import SimulationError, UnknownNameError, UsageError
from alphafactory.pipeline import gate, ingest, search, sweep_order
from alphafactory.pipeline.backtest import run_adhoc
from alphafactory.pipeline.running import run_job
from alphafactory.pipeline.search import run_sweep
from alphafactory.store import experiments

if TYPE_CHECKING:
    from alphafactory.pipeline.search import SweepResult

NIGHT = date(2024, 3, 1)
GRID = ("fast=5:20:5", "slow=10:60:10")
SETS = [(fast, slow) for fast in (5, 10, 15, 20) for slow in (10, 20, 30, 40, 50, 60) if fast < slow]
FUSSY = """
import numpy as np
from alphafactory.strategies.base import Strategy
from alphafactory.domain.plugins import Parameter

class Fussy(Strategy):
    name = "fussy"
    title = idea = source = fails_when = "x"
    parameters = {"period": Parameter(5, 2, 50, "sessions")}

    @staticmethod
    def signals(view, params):
        if params["period"] > 8 and (view.close[0] == %r).any():
            raise ValueError("this one it does not like")
        held = np.arange(len(view.sessions))[:, None] // params["period"] %% 2 == 1
        return np.where(held & (view.close > 0), 1.0, 0.0)
"""


@pytest.fixture
def priced(nights: Nights) -> Nights:
    """Two symbols with 290 sessions each, and one that was listed two months ago."""
    file = PriceFile(nights, symbols=3)
    file.rows = [row for row in file.rows if row[0] != "S2" or row[1] > date(2024, 1, 2)]
    file.write()
    load(nights)
    return nights


def load(nights: Nights) -> None:
    steps = [("download", ingest.download), ("quality", gate.check_quality)]
    with nights.workspace(NIGHT) as workspace:
        result = run_job(workspace, "load", steps)
        assert result is not None
        assert result.outcome == "fine", result.steps


def swept(
    nights: Nights, *symbols: str, grid: tuple[str, ...] = GRID, strategy: str = "sma_crossover", **more: Any
) -> SweepResult:
    with nights.workspace(NIGHT) as workspace:
        return run_sweep(workspace, strategy, list(symbols) or ["S0", "S1"], grid, more.pop("params", {}), **more)


def count(nights: Nights) -> dict[str, int]:
    return {
        name: nights.ask(f"SELECT count(*) FROM {name}")[0][0] for name in ("experiments", "parameter_sets", "trials")
    }


def test_every_set_on_every_symbol_is_one_row(priced: Nights) -> None:
    found = swept(priced, start=date(2023, 3, 1), words={"stop": "5%"})
    assert (found.parameter_sets, found.symbols, found.evaluated) == (len(SETS), 2, 2 * len(SETS))
    assert (found.skipped, found.known, found.outcome) == (24 - len(SETS), False, "fine")
    assert count(priced) == {"experiments": 1, "parameter_sets": len(SETS), "trials": 2 * len(SETS)}
    [row] = priced.table("experiments")
    assert row["grid"] == {"fast": [5, 10, 15, 20], "slow": [10, 20, 30, 40, 50, 60]}
    assert row["settings"]["stop"] == "5%"
    assert (row["symbols"], row["period_start"], row["seed"]) == (["S0", "S1"], "2023-03-01", None)
    assert row["evaluated"] == found.evaluated
    sets = priced.ask("SELECT params FROM parameter_sets ORDER BY number")
    assert [(params["fast"], params["slow"]) for (params,) in sets] == SETS


def test_the_ranking_is_by_medians_over_the_symbols(priced: Nights) -> None:
    found = swept(priced, top=100)
    rows = priced.ask("SELECT number, sharpe, total_return, max_drawdown, n_trades FROM v_trials ORDER BY number")
    table = np.array([[np.nan if cell is None else cell for cell in row] for row in rows], dtype=float)
    table = table.reshape(len(SETS), 2, 5)
    sharpes, returns = np.median(table[:, :, 1], axis=1), np.median(table[:, :, 2], axis=1)
    order = sorted(range(len(SETS)), key=lambda place: (-sharpes[place], -returns[place], place))
    assert [row["number"] for row in found.top] == [place + 1 for place in order]
    assert [row["rank"] for row in found.top] == list(range(1, len(SETS) + 1))
    best, place = found.top[0], order[0]
    assert best["params"] == dict(zip(("fast", "slow"), SETS[place], strict=True))
    assert best["median_sharpe"] == pytest.approx(sharpes[place], rel=1e-12)
    assert best["worst_drawdown"] == table[place, :, 3].min()
    assert best["trades"] == table[place, :, 4].sum()
    assert best["share_positive"] == np.mean(table[place, :, 2] > 0)
    assert found.expected_by_luck == pytest.approx(
        search.expected_by_luck(len(SETS), np.std(sharpes, ddof=1)), rel=1e-9
    )
    assert swept(priced, top=3).top == found.top[:3]


def test_what_is_undefined_comes_last(priced: Nights) -> None:
    # From the last weeks on only some sets trade at all.
    found = swept(priced, "S0", start=date(2024, 2, 20), top=100)
    defined = [row["median_sharpe"] is not None for row in found.top]
    assert set(defined) == {True, False}
    assert defined == sorted(defined, reverse=True)
    assert [row["defined"] for row in found.top] == [int(one) for one in defined]


def test_the_same_sweep_again_is_answered_from_the_tables(priced: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    first = swept(priced, "S0", "S1")
    before = {name: priced.table(name) for name in ("experiments", "trials")}
    with monkeypatch.context() as patched:
        patched.setattr(search, "sweep_blocks", lambda *_, **__: pytest.fail("it computes again"))
        again = swept(priced, "S1", "S0", "S0")
    assert again.known
    assert (again.experiment_id, again.top, again.expected_by_luck) == (
        first.experiment_id,
        first.top,
        first.expected_by_luck,
    )
    assert again.seconds == first.seconds
    assert {name: priced.table(name) for name in ("experiments", "trials")} == before


@pytest.mark.parametrize(
    "more",
    [
        {"words": {"slippage": "bps:6"}},
        {"end": date(2024, 2, 1)},
        {"grid": ("fast=5:20:5", "slow=10:70:10")},
        {"grid": ("slow=10:60:10", "fast=5:20:5")},
        {"grid": ("fast=5:20:5",), "params": {"slow": "60"}},
    ],
)
def test_another_question_is_another_experiment(priced: Nights, more: dict[str, Any]) -> None:
    first = swept(priced)
    other = swept(priced, **more)
    assert not other.known
    assert other.experiment_id != first.experiment_id
    assert count(priced)["experiments"] == 2


def test_other_data_is_another_experiment_and_the_old_one_stays(priced: Nights) -> None:
    first = swept(priced)
    file = PriceFile(priced, symbols=2)
    file.row("S1", date(2023, 6, 1))[5] += 0.1
    file.write()
    load(priced)
    assert swept(priced, "S0").experiment_id != first.experiment_id
    assert not swept(priced).known
    assert count(priced)["trials"] == 5 * len(SETS)


def test_a_trial_is_the_backtest_of_its_symbol(priced: Nights) -> None:
    words = {"stop": "2atr", "take_profit": "2R", "sizing": "risk:1%", "slippage": "sqrt_impact:1"}
    swept(priced, words=words, start=date(2023, 5, 1))
    with priced.workspace(NIGHT) as workspace:
        adhoc = run_adhoc(
            workspace, "sma_crossover", ["S1"], {"fast": "10", "slow": "30"}, start=date(2023, 5, 1), words=words
        )
    query = "SELECT to_jsonb(t) FROM v_trials t WHERE ticker = 'S1' AND params = '{\"fast\": 10, \"slow\": 30}'"
    [(trial,)] = priced.ask(query)
    metrics: Any = adhoc.results[0]["metrics"]
    for name in experiments.TRIAL_NUMBERS:
        assert trial[name] == (None if metrics[name] is None else pytest.approx(metrics[name], rel=1e-9, abs=1e-12)), (
            name
        )
    assert trial["n_trades"] > 2


def test_a_symbol_that_is_too_short_is_named_and_left_out(priced: Nights) -> None:
    found = swept(priced, "S0", "S2")
    assert (found.outcome, found.symbols, found.evaluated) == ("partial", 1, len(SETS))
    [failure] = found.failures
    assert failure["subject"] == "S2"
    assert "It has 41 usable bars" in failure["message"]
    assert "needs 60" in failure["message"]
    assert swept(priced, "S0", "S2").failures == found.failures  # also from the tables
    assert swept(priced, "S2", grid=("fast=5:20:5", "slow=41")).outcome == "fine"


def test_nothing_is_kept_of_a_sweep_without_a_result(priced: Nights) -> None:
    with pytest.raises(SimulationError, match="Nothing could be searched on S2: It has 41 usable bars"):
        swept(priced, "S2")
    with pytest.raises(SimulationError, match="no usable bar in the period"):
        swept(priced, "S0", start=date(2024, 3, 2))
    assert count(priced) == {"experiments": 0, "parameter_sets": 0, "trials": 0}


@pytest.mark.parametrize(
    ("strategy", "symbols", "error"),
    [
        ("sma_crosover", ["S0"], UnknownNameError),
        ("sma_crossover", ["S9"], UnknownNameError),
        ("9*x", ["S0"], UsageError),
    ],
)
def test_a_name_that_does_not_exist_is_refused(
    priced: Nights, strategy: str, symbols: list[str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        swept(priced, *symbols, strategy=strategy)
    assert count(priced)["experiments"] == 0


def test_too_large_a_sweep_is_refused_with_the_number(priced: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_order, "MOST_TRIALS", 30)
    with pytest.raises(UsageError, match="20 parameter sets on 2 symbols are 40 backtests, more than 30"):
        swept(priced)


def test_a_symbol_that_fails_on_the_way_has_no_trials(priced: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alphafactory.pipeline.sweeping._TRIALS_A_UNIT", 4)
    [(first,)] = priced.ask("SELECT close FROM v_bars WHERE ticker = 'S1' ORDER BY session LIMIT 1")
    folder = priced.folder / "strategies"
    folder.mkdir()
    (folder / "fussy.py").write_text(FUSSY % first, encoding="utf-8")
    found = swept(priced, strategy="fussy", grid=("period=2:12:1",))
    assert (found.outcome, found.evaluated, found.symbols) == ("partial", 11, 1)
    assert [failure["subject"] for failure in found.failures] == ["S1"]
    assert "ValueError in fussy with period=9: this one it does not like" in found.failures[0]["message"]
    assert priced.ask("SELECT DISTINCT ticker FROM v_trials") == [("S0",)]
    with pytest.raises(SimulationError, match="fussy with period=9"):
        swept(priced, "S1", strategy="fussy", grid=("period=2:12:1",))
    assert count(priced)["experiments"] == 1


def test_a_sweep_that_dies_leaves_nothing_behind(priced: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alphafactory.pipeline.sweeping._TRIALS_A_UNIT", 4)
    calls = []
    write = experiments.write_trials

    def dying(*arguments: Any) -> int:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return write(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(experiments, "write_trials", dying)
        with pytest.raises(KeyboardInterrupt):
            swept(priced)
    assert count(priced) == {"experiments": 0, "parameter_sets": 0, "trials": 0}
    assert swept(priced).evaluated == 2 * len(SETS)


def test_two_of_the_same_at_once_make_one(priced: Nights) -> None:
    found: list[SweepResult] = []
    threads = [threading.Thread(target=lambda: found.append(swept(priced))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 2
    assert found[0].experiment_id == found[1].experiment_id
    assert found[0].top == found[1].top
    assert count(priced) == {"experiments": 1, "parameter_sets": len(SETS), "trials": 2 * len(SETS)}


def test_workers_write_the_same_tables(priced: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alphafactory.pipeline.sweeping._TRIALS_A_UNIT", 4)
    swept(priced)
    alone = priced.ask("SELECT * FROM trials ORDER BY number, symbol_id")
    priced.ask("TRUNCATE trials, parameter_sets, experiments")
    priced.settings |= {"compute.backend": "threading", "compute.workers": 2}
    swept(priced)
    together = priced.ask("SELECT * FROM trials ORDER BY number, symbol_id")
    assert [row[1:] for row in together] == [row[1:] for row in alone]


def test_a_combination_is_swept_like_any_strategy(priced: Nights) -> None:
    name = "0.5*sma_crossover+0.5*buy_and_hold"
    found = swept(priced, "S0", strategy=name, grid=("sma_crossover.fast=5,10", "sma_crossover.slow=40"))
    assert found.evaluated == 2
    assert priced.ask("SELECT DISTINCT strategy FROM v_trials") == [(found.strategy,)]


def test_all_is_the_universe_of_the_night(priced: Nights) -> None:
    with priced.workspace(NIGHT) as workspace:
        found = run_sweep(workspace, "sma_crossover", "all", ("fast=5,10", "slow=20"), {})
    assert found.symbols == 3
    assert priced.ask("SELECT universe FROM experiments") == [("all",)]
