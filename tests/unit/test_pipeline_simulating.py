"""What a worker makes of its tasks: results, errors in words, and symbols that are too short for a strategy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from small_markets import market, model, random_market

from alphafactory.config import ComputeConfig
from alphafactory.domain.context import NO_CONTEXT, MarketSymbol
from alphafactory.domain.progress import SILENT
from alphafactory.domain.results import EXIT_REASONS
from alphafactory.domain.signals import Signals
from alphafactory.errors import SimulationError
from alphafactory.indicators.catalogue import computation_of
from alphafactory.pipeline.market_views import symbol_signals
from alphafactory.pipeline.simulating import (
    Finished,
    SymbolWork,
    Task,
    Terms,
    TooFewBarsError,
    check_warm_up,
    work,
)
from alphafactory.pipeline.workers import run_work
from alphafactory.simulation import warm_up
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.buy_and_hold import BuyAndHold
from alphafactory.strategies.trend.sma_crossover import SmaCrossover

if TYPE_CHECKING:
    from pathlib import Path

    from alphafactory.domain.bars import Bars

BARS, _ = random_market(4)
AAA = MarketSymbol("AAA", BARS)
HOLD = Task("buy_and_hold", {}, "hold")


@pytest.fixture(autouse=True)
def compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load the compiled simulator from where other tests have it; what `work` sets for its children is undone."""
    warm_up()
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)


def terms(tmp_path: Path, **changes: Any) -> Terms:
    folders = str(tmp_path / "strategies"), str(tmp_path / "cache")
    plain = Terms(model(), None, None, 0.0, None, {"XNYS": NO_CONTEXT}, *folders)
    return replace(plain, **changes)


def finished(tmp_path: Path, *tasks: Task, bars: Bars = BARS, delisted: bool = False, **changes: Any) -> list[Finished]:
    return work([SymbolWork(MarketSymbol("AAA", bars), delisted, 252, "XNYS", tasks)], terms(tmp_path, **changes))


def test_every_task_has_an_answer_whatever_the_others_do(tmp_path: Path) -> None:
    found = finished(
        tmp_path, HOLD, Task("sma_crossover", {"fast": 20, "slow": 400}, "long"), Task("no_such", {}, "none"),
        Task("sma_crossover", {"fast": 5, "slow": 20}, "short"),
    )  # fmt: skip
    assert [(one.fingerprint, one.status) for one in found] == [
        ("hold", "done"), ("long", "skipped"), ("none", "failed"), ("short", "done"),
    ]  # fmt: skip
    assert "AAA has 300 usable bars up to the end of the period" in str(found[1].error)
    assert "sma_crossover fast=20 slow=400 needs 400 " in str(found[1].error)
    assert "There is no strategy 'no_such'" in str(found[2].error)
    assert [one.simulation is None for one in found] == [False, True, True, False]


def test_bars_before_the_period_warm_up_and_bars_after_it_do_not_count(tmp_path: Path) -> None:
    task = Task("sma_crossover", {"fast": 5, "slow": 60}, "print")
    late = finished(tmp_path, task, start=BARS.sessions[100])
    assert late[0].status == "done"
    assert late[0].sessions is not None
    assert late[0].sessions[0] == BARS.sessions[100]
    early = finished(tmp_path, task, end=BARS.sessions[58])
    assert early[0].status == "skipped"
    assert "has 59 usable bars" in str(early[0].error)
    assert finished(tmp_path, task, end=BARS.sessions[59])[0].status == "done"


def test_the_warm_up_is_what_the_indicators_say() -> None:
    check_warm_up(SmaCrossover, {"fast": 20, "slow": 50}, "AAA", 50)
    with pytest.raises(TooFewBarsError, match="needs 50"):
        check_warm_up(SmaCrossover, {"fast": 20, "slow": 50}, "AAA", 49)
    check_warm_up(BuyAndHold, {}, "AAA", 1)


def test_a_delisted_symbol_is_paid_out_where_the_period_reaches_its_last_bar(tmp_path: Path) -> None:
    (whole,), (cut,) = (
        finished(tmp_path, HOLD, delisted=True, end=end) for end in (None, BARS.sessions[-2])
    )  # fmt: skip
    assert whole.simulation is not None
    assert cut.simulation is not None
    assert [EXIT_REASONS[code] for code in whole.simulation.trades.exit_reason] == ["delisted"]
    assert cut.simulation.trades.exit_row.tolist() == [-1]


def test_metrics_stand_beside_holding_and_beside_the_index(tmp_path: Path) -> None:
    (alone,), (beside,) = (finished(tmp_path, HOLD, index=index) for index in (None, BARS))
    assert alone.metrics is not None
    assert beside.metrics is not None
    assert alone.metrics.reasons["beta"] == "no_index"
    assert beside.metrics.values["beta"] == pytest.approx(alone.metrics.values["hold_beta"], rel=1e-9)
    assert alone.metrics.values["hold_return"] == pytest.approx(
        np.prod(1 + (BARS.close[1:] + BARS.dividends[1:]) / BARS.close[:-1] - 1) - 1
    )


def test_volatility_targets_know_the_periods_of_a_year(tmp_path: Path) -> None:
    settings = model(sizing="vol_target:20%")
    positions = []
    for periods in (252, 365):
        task = Task("sma_crossover", {"fast": 5, "slow": 30}, "print")
        load = SymbolWork(MarketSymbol("AAA", BARS), False, periods, "XNYS", (task,))
        (one,) = work([load], terms(tmp_path, settings=settings))
        assert one.simulation is not None
        positions.append(np.abs(one.simulation.trades.quantity[0]))
    assert positions[0] / positions[1] == pytest.approx((365 / 252) ** 0.5, rel=1e-6)


class WithStops(Strategy):
    """Long throughout, each row with a stop of its own; a shape or a kind can be spoilt by a parameter."""

    name = "with_stops"
    title = "With stops"
    idea = source = fails_when = "For this test."

    @staticmethod
    def signals(view: Any, params: Any) -> Any:
        shape = {"flat": (len(view.close),), "wide": (len(view.close), 2)}.get(
            params.get("spoil", ""), view.close.shape
        )
        return Signals(np.ones_like(view.close), stop=np.full(shape, 0.05), distances=True)


def test_signals_keep_their_arrays_and_what_they_mean() -> None:
    found = symbol_signals(WithStops, {}, AAA, computation_of(BARS))
    assert found.target.shape == (300, 1)
    assert found.stop is not None
    assert found.stop.shape == (300, 1)
    assert (found.distances, found.entry_limit, found.priority) == (True, None, None)
    plain = symbol_signals(BuyAndHold, {}, AAA, computation_of(BARS))
    assert (plain.target.tolist(), plain.stop) == ([[1.0]] * 300, None)


@pytest.mark.parametrize(("spoil", "shape"), [("flat", r"\(300,\)"), ("wide", r"\(300, 2\)")])
def test_an_array_of_another_shape_is_named(spoil: Any, shape: str) -> None:
    with pytest.raises(SimulationError, match=rf"'with_stops' returned stop of shape {shape} for 300 sessions"):
        symbol_signals(WithStops, {"spoil": spoil}, AAA, computation_of(BARS))


def test_any_number_of_workers_gives_the_same_to_the_bit_in_the_same_order(tmp_path: Path) -> None:
    tasks = tuple(Task("sma_crossover", {"fast": fast, "slow": 30}, f"{fast}") for fast in (5, 10, 20))
    loads = [
        SymbolWork(MarketSymbol(f"S{seed}", random_market(seed)[0]), False, 252, "XNYS", tasks) for seed in range(9)
    ]
    alone, shared = (
        run_work(loads, terms(tmp_path), ComputeConfig(workers=workers, backend="threading"), SILENT)
        for workers in (1, 3)
    )
    assert len(alone) == 27
    for one, other in zip(alone, shared, strict=True):
        assert one.fingerprint == other.fingerprint
        assert one.simulation is not None
        assert other.simulation is not None
        assert one.simulation.equity.tobytes() == other.simulation.equity.tobytes()
        assert one.metrics == other.metrics


def test_a_period_without_bars_fails_in_words(tmp_path: Path) -> None:
    (found,) = finished(tmp_path, HOLD, bars=market([10.0, 11.0]), start=np.datetime64("2030-01-01"))
    assert (found.status, found.simulation) == ("failed", None)
    assert "AAA has no usable bar in the period" in str(found.error)
