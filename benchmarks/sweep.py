"""A search over moving-average pairs: our sweep against vectorbt and against a bare compiled loop.

100 pairs on 100 real symbols, filled at the next open with commission and slippage, seven numbers each. What the
programs find must agree to 1e-9, or the benchmark fails. Each starts from prices: averages are part of the work, and
all take them as TA-Lib sums them: vectorbt's own averages differ in the last digits and so, rarely, in a signal.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import measuring
import numpy as np
from backtest import CAPITAL, COMMISSION, SLIPPAGE, TOLERANCE, peer_module, tradable
from fused_kernel import NUMBERS as SEVEN
from fused_kernel import every_pair
from kernel import random_walk
from measuring import Row, demand_equal

from alphafactory.domain.settings import parse_settings
from alphafactory.pipeline.sweeping import sweep_panel
from alphafactory.simulation import NUMBERS
from alphafactory.strategies.catalogue import discover_strategies

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.bars import Bars
    from alphafactory.domain.settings import SimulationSettings

SYMBOLS = 100
FAST, SLOW = range(5, 51, 5), range(60, 196, 15)
PAIRS = [{"fast": fast, "slow": slow} for fast in FAST for slow in SLOW]
MANY_PAIRS = [{"fast": fast, "slow": slow} for fast in range(2, 52) for slow in range(60, 260, 10)]
ANNUAL = 252
PAIRS_A_CALL = {"a pair a call": 1, "five pairs a call": 5}
"""How vectorbt is asked: as one would at first, and the fastest of 1, 2, 4, 5, 10 and 25, beyond which it waits for
memory."""
SIZES = (
    "all_in", "cash:50000", "shares:100", "percent:25%", "risk:1%", "atr:1%,k=2", "vol_target:20%", "kelly:0.5,min=5",
)  # fmt: skip
EXITS: dict[str, Any] = {
    "stop": "3%", "take_profit": "2R", "trail": "chandelier:3", "break_even": "1R", "time_stop": 40
}  # fmt: skip
AGAINST_VECTORBT, AGAINST_VECTORBT_BY_TWO, AGAINST_FLOOR = 50.0, 90.0, 4.0
AGAINST_ONE_WORKER, OF_THE_PLAIN_RATE, MEMORY_GROWTH = 1.8, 0.5, 1.1
FEW_SYMBOLS, SESSIONS, FEW_SETS, MANY_SETS = 4, 1_259, 1_000, 10_000


def settings_of(**words: Any) -> SimulationSettings:
    """Return settings with the costs that every program here pays."""
    costs = {"commission": f"bps:{COMMISSION * 1e4:.12g}", "slippage": f"bps:{SLIPPAGE * 1e4:.12g}"}
    return parse_settings(initial_capital=CAPITAL, fill="next_open", **(costs | words))


def by_us(
    bars: Sequence[Bars],
    settings: SimulationSettings,
    pairs: Sequence[dict[str, int]] = PAIRS,
    workers: int = 1,
) -> FloatArray:
    """Return the seven numbers, shape (pairs, symbols, 7), by the project's own sweep."""
    strategy = discover_strategies().get("sma_crossover")
    found = sweep_panel(bars, strategy, pairs, settings, periods_per_year=ANNUAL, workers=workers)
    return found[:, :, [NUMBERS.index(name) for name in SEVEN]]


def by_vectorbt(vectorbt: Any, bars: Sequence[Bars], pairs_a_call: int) -> FloatArray:
    """Return the same by vectorbt, so many pairs of all symbols in each call."""
    import pandas as pd  # noqa: PLC0415  the peer's own input

    close, opening = (np.column_stack([getattr(one, name) for one in bars]) for name in ("close", "open"))
    periods = [*FAST, *SLOW]
    averages = vectorbt.IndicatorFactory.from_talib("SMA").run(close, timeperiod=periods).real.to_numpy()
    by_period = dict(zip(periods, np.split(averages, len(periods), axis=1), strict=True))
    closes, opens = pd.DataFrame(np.tile(close, pairs_a_call)), np.tile(opening, pairs_a_call)
    blocks = []
    for first in range(0, len(PAIRS), pairs_a_call):
        some = PAIRS[first : first + pairs_a_call]
        held = np.hstack([by_period[pair["fast"]] > by_period[pair["slow"]] for pair in some])
        shifted = np.vstack((np.zeros_like(held[:1]), held[:-1]))
        portfolio = vectorbt.Portfolio.from_signals(
            closes, entries=shifted, exits=~shifted, price=opens, size=np.inf, fees=COMMISSION, slippage=SLIPPAGE,
            init_cash=CAPITAL, freq="1D",
        )  # fmt: skip
        blocks.append(_seven_of(portfolio).reshape(len(some), len(bars), len(SEVEN)))
    return np.concatenate(blocks)


def _seven_of(portfolio: Any) -> FloatArray:
    """Return the numbers of each column; what vectorbt calls infinite, as without a losing trade, is undefined."""
    closed = portfolio.trades.closed
    columns = (
        portfolio.total_return(), portfolio.sharpe_ratio(), portfolio.sortino_ratio(), portfolio.max_drawdown(),
        portfolio.trades.count(), closed.win_rate(), closed.profit_factor(),
    )  # fmt: skip
    numbers = np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])
    return np.where(np.isfinite(numbers), numbers, np.nan)


def by_floor(bars: Sequence[Bars]) -> FloatArray:
    """Return the same by the bare loop."""
    opens, closes = (np.array([getattr(one, name) for one in bars]) for name in ("open", "close"))
    pairs = np.array([(pair["fast"], pair["slow"]) for pair in PAIRS])
    found: FloatArray = every_pair(opens, closes, pairs, COMMISSION, SLIPPAGE, float(ANNUAL))
    return found


def plain(bars: Sequence[Bars]) -> Iterator[Row]:
    """One process, two workers, and every way of leaving and sizing, each in seconds for the same 10,000."""
    vectorbt = peer_module("vectorbt")
    vectorbt.settings.returns["year_freq"] = f"{ANNUAL} days"
    settings, count = settings_of(), len(PAIRS) * len(bars)
    expected = by_vectorbt(vectorbt, bars, max(PAIRS_A_CALL.values()))
    _demand_seven("vectorbt", by_us(bars, settings), expected)
    _demand_seven("the bare loop", by_floor(bars), expected)
    own = measuring.seconds(lambda: by_us(bars, settings), repeats=5)
    floor = measuring.seconds(lambda: by_floor(bars), repeats=5)
    what = f"sweep of {count}, seven numbers each"
    peer = np.inf
    for how, pairs_a_call in PAIRS_A_CALL.items():
        name = f"vectorbt {version('vectorbt')}, {how}"
        peer = measuring.seconds(lambda n=pairs_a_call: by_vectorbt(vectorbt, bars, n), repeats=2)  # type: ignore[misc]
        yield Row(f"{what}, one process", own, target=peer / AGAINST_VECTORBT, peer=name, peer_measured=peer)
    yield Row(
        f"{what}, one process", own, target=floor * AGAINST_FLOOR, peer="one bare loop (floor)", peer_measured=floor
    )
    models = _every_model(bars)
    yield Row(
        f"{what}, all exits, mean of {len(SIZES)} sizings", models, target=own / OF_THE_PLAIN_RATE,
        peer="ours, plain", peer_measured=own,
    )  # fmt: skip
    yield from _workers(bars, settings, peer / count, name)


def _demand_seven(who: str, mine: FloatArray, theirs: FloatArray) -> None:
    for place, name in enumerate(SEVEN):
        demand_equal(f"sweep against {who}, {name}", mine[..., place], theirs[..., place], TOLERANCE)


def _every_model(bars: Sequence[Bars]) -> float:
    """Return the mean seconds of the sweep over the sizings, with every kind of exit on."""
    times = []
    for sizing in SIZES:
        settings = settings_of(sizing=sizing, **EXITS)
        by_us(bars, settings, PAIRS[:1])
        times.append(measuring.seconds(lambda settings=settings: by_us(bars, settings), repeats=2))  # type: ignore[misc]
    return float(np.mean(times))


def _workers(bars: Sequence[Bars], settings: SimulationSettings, peer_each: float, name: str) -> Iterator[Row]:
    """Share ten times the work between two processes that are there already."""
    count = len(MANY_PAIRS) * len(bars)
    by_us(bars, settings, MANY_PAIRS[:100], workers=2)
    found: dict[int, FloatArray] = {}
    taken = {
        workers: measuring.seconds(
            lambda workers=workers: found.update({workers: by_us(bars, settings, MANY_PAIRS, workers=workers)}),  # type: ignore[misc]
            repeats=2,
        )
        for workers in (1, 2)
    }
    demand_equal("sweep by two workers", found[2], found[1], 0.0)
    what, peer = f"sweep of {count}, two workers", peer_each * count
    yield Row(what, taken[2], target=peer / AGAINST_VECTORBT_BY_TWO, peer=f"{name}, by its rate", peer_measured=peer)
    yield Row(what, taken[2], target=taken[1] / AGAINST_ONE_WORKER, peer="ours, one process", peer_measured=taken[1])


def memory() -> Iterator[Row]:
    """Compare the largest memory of a process that sweeps few and many sets of the same averages."""
    if not Path("/proc/self/status").is_file():
        sys.stderr.write("Only Linux says how much memory a process has needed at most: not measured.\n")
        return
    few, many = (_peak_of_process(sets) for sets in (FEW_SETS, MANY_SETS))
    yield Row(
        f"memory of a sweep of {MANY_SETS} sets", many, "MB", target=few * MEMORY_GROWTH, peer=f"{FEW_SETS} sets",
        peer_measured=few,
    )  # fmt: skip


def _peak_of_process(sets: int) -> float:
    program = f"import sweep; print(sweep.peak_memory({sets}))"
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run([sys.executable, "-c", program], env=variables, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def peak_memory(sets: int) -> float:
    """Sweep so many sets of the same averages in this process, and return its largest memory in megabytes."""
    grid = [{"fast": 2 + k % 100, "slow": 110 + (k // 100 + 7 * k) % 100} for k in range(sets)]
    by_us([random_walk(seed, SESSIONS, 0.015) for seed in range(FEW_SYMBOLS)], settings_of(), grid)
    # What the kernel's rusage says would count the process that started this one.
    [peak] = re.findall(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"), re.MULTILINE)
    return float(peak) / 1024


def run() -> Iterator[Row]:
    """Sweep with each program."""
    warnings.simplefilter("ignore")  # the peer's own: deprecated pandas
    bars = list(tradable(measuring.bars_by_symbol(measuring.read_prices())).values())[:SYMBOLS]
    yield from plain(bars)
    yield from memory()


if __name__ == "__main__":
    measuring.finish(run)
