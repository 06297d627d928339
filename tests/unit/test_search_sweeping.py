"""A sweep without a database: its numbers are those of single backtests, whoever computes them, in whatever pieces."""

from __future__ import annotations

import sys
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from alphafactory.domain.bars import Bars
from alphafactory.domain.context import MarketSymbol
from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.domain.settings import parse_settings
from alphafactory.domain.signals import Signals
from alphafactory.errors import SimulationError
from alphafactory.indicators.catalogue import computation_of
from alphafactory.metrics import compute_metrics
from alphafactory.pipeline import evaluating, sweeping
from alphafactory.pipeline.evaluating import SweepSymbol, SweepTerms
from alphafactory.pipeline.grids import parse_grid
from alphafactory.pipeline.market_views import symbol_signals
from alphafactory.pipeline.search import expected_by_luck
from alphafactory.pipeline.sweeping import StrategyPlace, sweep_blocks, sweep_panel
from alphafactory.simulation import NUMBERS, simulate
from alphafactory.store.experiments import TRIAL_NUMBERS
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.trend.sma_crossover import SmaCrossover

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters

SETTINGS = parse_settings(initial_capital=100_000.0, commission="bps:5", slippage="bps:5")
BRACKETS = parse_settings(
    initial_capital=100_000.0, commission="per_share:0.005,min=1", slippage="atr:0.05", stop="2atr", take_profit="2R",
    sizing="risk:1%", shares="whole",
)  # fmt: skip
GRID = parse_grid(SmaCrossover, ["fast=3:12:3", "slow=10:40:10"], {})


def random_bars(seed: int, length: int = 400) -> Bars:
    random = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(random.normal(0.0003, 0.02, length)))
    opening = close * np.exp(random.normal(0.0, 0.006, length))
    high = np.maximum(opening, close) * (1.0 + random.exponential(0.005, length))
    low = np.minimum(opening, close) * (1.0 - random.exponential(0.005, length))
    volume = random.integers(1, 1_000_000, length).astype(np.float64)
    sessions = np.datetime64("2015-01-01") + np.arange(length)
    return Bars(sessions, opening, high, low, close, volume, np.ones(length), np.zeros(length))


MARKET = [*(random_bars(seed) for seed in range(5)), random_bars(9, 250), random_bars(10, 250).part(slice(3, 250))]


class Declared(Strategy):
    """A test's own."""

    name = "declared"
    title = idea = source = fails_when = "A test's own."
    parameters: ClassVar[Mapping[str, Parameter]] = {"period": Parameter(10, 2, 50, "closes")}
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "upper": IndicatorRequest("bollinger", {"period": "period"}, "upper"),
        "lower": IndicatorRequest("bollinger", {"period": "period"}, "lower"),
    }

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray | Signals:  # noqa: ARG004  as declared
        """Buy below the lower band, with a stop and a target of its own; sell above the upper one."""
        wanted = np.where(view.close < view.indicators["lower"], 1.0, 0.0)
        return Signals(np.asfortranarray(wanted), stop=view.low * 0.98, take_profit=view.close * 1.05)


class Ranked(Declared):
    """Holds what has the highest close of all columns, which an only column always has."""

    name = "ranked"

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return 1 for the highest, after a while."""
        late = np.arange(len(view.sessions))[:, None] >= params["period"]
        return np.where((view.close == view.close.max(axis=1, keepdims=True)) & late, 1.0, 0.0)


def alone(bars: Bars, strategy: type[Strategy], params: StrategyParameters, rows: slice, settings: Any) -> list[float]:
    """Return the numbers of one backtest as the night would make it."""
    signals = symbol_signals(strategy, params, MarketSymbol("AAA", bars), computation_of(bars)).part(rows)
    simulation = simulate(bars.part(rows), signals, settings)
    values = compute_metrics(simulation, bars.sessions[rows], 252, 0.02).values
    return [float(values.get(name, np.nan)) for name in NUMBERS]  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [SETTINGS, BRACKETS], ids=["plain", "brackets"])
@pytest.mark.parametrize("strategy", [SmaCrossover, Declared, Ranked])
def test_a_trial_is_what_a_backtest_of_that_symbol_is(strategy: type[Strategy], settings: Any) -> None:
    sets = list(GRID) if strategy is SmaCrossover else [{"period": period} for period in (5, 20)]
    start, end = MARKET[0].sessions[60], MARKET[0].sessions[300]
    found = sweep_panel(MARKET, strategy, sets, settings, risk_free_rate=0.02, start=start, end=end)
    expected = [
        [alone(bars, strategy, params, bars.window(start, end), settings) for bars in MARKET] for params in sets
    ]
    assert found.shape == (len(sets), len(MARKET), len(NUMBERS))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    trades = found[:, :, NUMBERS.index("n_trades")]
    assert trades.sum() > 10


def test_the_pieces_of_the_work_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sweep_panel(MARKET, SmaCrossover, GRID, SETTINGS)
    monkeypatch.setattr(sweeping, "_CELLS_A_PIECE", 800)
    monkeypatch.setattr(sweeping, "_TRIALS_A_UNIT", 6)
    monkeypatch.setattr(evaluating, "_INDICATOR_BYTES", 1)
    assert sweep_panel(MARKET, SmaCrossover, GRID, SETTINGS).tobytes() == whole.tobytes()
    turned = sweep_panel(MARKET[::-1], SmaCrossover, GRID, SETTINGS)[:, ::-1]
    assert turned.tobytes() == whole.tobytes()


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_workers_change_no_bit(backend: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from alphafactory.strategies.trend.sma_crossover import SmaCrossover\n"
        "class Mine(SmaCrossover):\n    name = 'mine'\n    title = idea = source = fails_when = 'x'\n",
        encoding="utf-8",
    )
    mine = sweeping.strategies_of_worker(str(tmp_path)).get("mine")
    expected = sweep_panel(MARKET, SmaCrossover, GRID, SETTINGS)
    found = sweep_panel(MARKET, mine, GRID, SETTINGS, workers=2, backend=backend, strategies_folder=str(tmp_path))
    assert found.tobytes() == expected.tobytes()


def blocks_of(strategy: type[Strategy], market: list[Bars]) -> tuple[FloatArray, dict[int, str]]:
    symbols = [SweepSymbol(f"S{place}", bars) for place, bars in enumerate(market)]
    place = StrategyPlace(strategy.name, None, None)
    found, errors = np.full((2, len(market), len(NUMBERS)), np.nan), {}
    for block in sweep_blocks(symbols, strategy, [{"period": 5}, {"period": 9}], SweepTerms(SETTINGS), place):
        found[block.first : block.first + len(block.numbers), block.positions] = block.numbers
        errors.update(block.errors)
    return found, errors


def test_a_symbol_that_fails_is_named_and_costs_no_other_its_result() -> None:
    broken = replace(MARKET[1], close=np.where(np.arange(400) == 77, np.nan, MARKET[1].close))
    found, errors = blocks_of(Declared, [MARKET[0], broken, MARKET[2]])
    assert list(errors) == [1]
    assert str(broken.sessions[77]) in errors[1]
    whole, _ = blocks_of(Declared, [MARKET[0], MARKET[2]])
    assert found[:, [0, 2]].tobytes() == whole.tobytes()
    assert np.isnan(found[:, 1]).all()
    with pytest.raises(SimulationError, match=r"second: close of 2015-03-19 is nan"):
        sweep_panel([MARKET[0], broken], Declared, [{"period": 5}], SETTINGS, names=["first", "second"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (lambda view, _: view.close[:-1], r"returned target of shape \(399, 1\) for 400 sessions and 1 symbols"),
        (lambda view, _: Signals(view.close * 0, stop=view.close[0]), r"returned stop of shape \(1,\)"),
        (lambda _, params: params["perod"], "KeyError in declared with period=5: 'perod'"),
        (lambda _, __: np.array(["long"]), "ValueError in declared with period=5"),
        (lambda view, _: view.close.fill(1.0), "ValueError in declared with period=5: assignment destination is read"),
        (lambda view, _: view.indicators["upper"].sort(), "ValueError in declared with period=5"),
        (lambda _, __: sys.exit(3), "SystemExit in declared with period=5: 3"),
        (lambda view, _: view.close * 0 + 2, "2"),
    ],
)
def test_a_strategy_that_breaks_its_contract_is_told_with_its_parameters(
    monkeypatch: pytest.MonkeyPatch, body: Any, said: str
) -> None:
    monkeypatch.setattr(Declared, "signals", staticmethod(body))
    with pytest.raises(SimulationError, match=said):
        sweep_panel(MARKET[:1], Declared, [{"period": 5}], SETTINGS)


def test_a_window_without_a_bar_is_told() -> None:
    with pytest.raises(SimulationError, match="no usable bar in the period"):
        sweep_panel(MARKET[:1], Declared, [{"period": 5}], SETTINGS, start=np.datetime64("2030-01-01"))


def test_a_delisted_symbol_is_paid_out_at_its_last_price() -> None:
    settings = replace(SETTINGS, delisting_return=-0.5)
    always = [{"fast": 2, "slow": slow} for slow in (5, 6)]
    gone = sweep_panel(MARKET[:2], SmaCrossover, always, settings, delisted=[True, False])
    there = sweep_panel(MARKET[:2], SmaCrossover, always, settings)
    place = NUMBERS.index("n_closed_trades")
    assert gone[:, 1].tobytes() == there[:, 1].tobytes()
    held = there[:, 0, place] < there[:, 0, NUMBERS.index("n_trades")]
    assert (gone[held, 0, NUMBERS.index("end_equity")] < there[held, 0, NUMBERS.index("end_equity")]).all()
    assert (gone[:, 0, place] == gone[:, 0, NUMBERS.index("n_trades")]).all()


def test_memory_does_not_grow_with_the_number_of_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "_TRIALS_A_UNIT", 200)
    monkeypatch.setattr(evaluating, "_INDICATOR_BYTES", 200_000)
    symbols = [SweepSymbol("S", MARKET[0])]
    place = StrategyPlace("sma_crossover", None, None)

    def most(words: list[str]) -> tuple[int, int]:
        grid = parse_grid(SmaCrossover, words, {})
        tracemalloc.start()
        seen = sum(len(b.numbers) for b in sweep_blocks(symbols, SmaCrossover, grid, SweepTerms(SETTINGS), place))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return seen, peak

    few, peak_of_few = most(["fast=2:6:1", "slow=30:129:1"])
    many, peak_of_many = most(["fast=2:29:1", "slow=30:329:1"])
    assert (few, many) == (500, 8400)
    assert peak_of_many < peak_of_few + 100_000  # the numbers of the other sets alone would be 600 kB


def test_numbers_are_the_columns_of_the_table() -> None:
    assert tuple(TRIAL_NUMBERS) == NUMBERS


def test_luck_of_many_noisy_sets_is_what_noise_shows() -> None:
    random = np.random.default_rng(4)
    for sets in (10, 100, 1000):
        best = random.normal(0.0, 0.4, (4000, sets)).max(axis=1).mean()
        assert expected_by_luck(sets, 0.4) == pytest.approx(best, rel=0.03)
    assert expected_by_luck(1000, 1.0) == pytest.approx(3.2550, abs=1e-3)
    assert expected_by_luck(1, None) is None
    assert expected_by_luck(1, 0.3) is None
    assert expected_by_luck(5, 0.0) == 0.0
