"""One simulation: ten years of days, 72,000 intraday bars, a million orders, and the first one of a new process.

Where a peer runs the same signals it must find the same equity, or the benchmark fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import measuring
import numpy as np
from backtest import CAPITAL, COMMISSION, TOLERANCE, crossover, follower, peer_module, whole_shares
from measuring import Row, demand_equal

from alphafactory.domain.bars import Bars
from alphafactory.domain.settings import parse_settings
from alphafactory.metrics import Benchmarks, compute_metrics, hold_returns
from alphafactory.simulation import NUMBERS, configure_cache, measure, prepare, simulate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alphafactory.domain.arrays import FloatArray

TEN_YEARS, INTRADAY, ORDERS = 2_520, 72_000, 1_000_000
ANNUAL, BARS_A_DAY = 252, 78
ADD_ONE = """
import numba
@numba.njit(cache=True)
def add_one(number):
    return number + 1
add_one(1)
"""
TEN_YEARS_TARGET, INTRADAY_TARGET, ORDERS_TARGET, START_TARGET = 1.5, 30.0, 50.0, 1.0


def random_walk(seed: int, bars: int, deviation: float, step: np.timedelta64 | None = None) -> Bars:
    """Return bars of a random walk, a session each, or one every `step`."""
    draw = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(draw.normal(0, deviation, bars)))
    first = np.append(100.0, close[:-1]) * np.exp(draw.normal(0, deviation / 3, bars))
    high, low = np.maximum(first, close) * (1 + deviation / 2), np.minimum(first, close) * (1 - deviation / 2)
    start = np.datetime64("2010-01-04")
    sessions = start + np.arange(bars) if step is None else start.astype("datetime64[s]") + np.arange(bars) * step
    volume = draw.integers(100_000, 1_000_000, bars).astype(np.float64)
    return Bars(sessions, first, high, low, close, volume, np.ones(bars), np.zeros(bars))


def ten_years() -> Iterator[Row]:
    """One daily backtest, everything returned and every metric computed, against backtesting.py and its statistics."""
    bars = random_walk(7, TEN_YEARS, 0.015)
    target, settings = crossover(bars), whole_shares()
    peer = follower(bars)
    hold = hold_returns(bars)

    def ours() -> FloatArray:
        done = simulate(bars, target, settings, periods_per_year=ANNUAL)
        compute_metrics(done, bars.sessions, ANNUAL, 0.0, benchmarks=Benchmarks(hold=hold, index=None))
        return done.equity

    def theirs() -> FloatArray:
        equity: FloatArray = peer.run(target=target)["_equity_curve"]["Equity"].to_numpy()
        return equity

    demand_equal("ten years", ours(), theirs(), TOLERANCE)
    own, needed = measuring.seconds(ours, repeats=50), measuring.seconds(theirs, repeats=5)
    yield Row(
        f"one backtest of {TEN_YEARS} days with all results and metrics", own * 1e3, "ms", target=TEN_YEARS_TARGET,
        peer=f"backtesting.py {version('backtesting')}", peer_measured=needed * 1e3,
    )  # fmt: skip


def intraday() -> Iterator[Row]:
    """One backtest of five-minute bars, everything returned, against vectorbt's equity and trades."""
    bars = random_walk(8, INTRADAY, 0.001, np.timedelta64(300, "s"))
    target = crossover(bars)
    settings = parse_settings(initial_capital=CAPITAL, commission=f"bps:{COMMISSION * 1e4:.12g}")

    def ours() -> FloatArray:
        return simulate(bars, target, settings, periods_per_year=ANNUAL * BARS_A_DAY).equity

    def theirs() -> FloatArray:
        portfolio = _by_vectorbt(bars, target, fees=COMMISSION)
        portfolio.trades.records_arr  # noqa: B018  made when asked for
        equity: FloatArray = portfolio.value().to_numpy()
        return equity

    demand_equal("intraday", ours(), theirs(), TOLERANCE)
    own, needed = measuring.seconds(ours, repeats=10), measuring.seconds(theirs, repeats=5)
    yield Row(
        f"one backtest of {INTRADAY} intraday bars with all results", own * 1e3, "ms", target=INTRADAY_TARGET,
        peer=f"vectorbt {version('vectorbt')}", peer_measured=needed * 1e3,
    )  # fmt: skip


def _by_vectorbt(bars: Bars, target: FloatArray, **words: Any) -> Any:
    held = np.append(0.0, target[:-1]) > 0.0
    return peer_module("vectorbt").Portfolio.from_signals(
        bars.close, entries=held, exits=~held, price=bars.open, size=np.inf, init_cash=CAPITAL, freq="1D", **words
    )


def a_million_orders() -> Iterator[Row]:
    """A target that changes on every bar, for numbers alone and with every order and trade returned."""
    bars = random_walk(9, ORDERS, 1e-4, np.timedelta64(60, "s"))
    target = (np.arange(ORDERS) % 2 == 0).astype(np.float64)
    settings = parse_settings(initial_capital=CAPITAL)
    prepared = prepare([bars], settings)

    def numbers() -> FloatArray:
        return measure(prepared, target[:, None])

    ended = float(_by_vectorbt(bars, target).value().to_numpy()[-1])
    demand_equal("a million orders", numbers()[0, NUMBERS.index("end_equity")], ended, TOLERANCE)
    demand_equal("their count", len(simulate(bars, target, settings).orders), ORDERS, 0.0)
    own = measuring.seconds(numbers, repeats=5)
    whole = measuring.seconds(lambda: simulate(bars, target, settings), repeats=3)
    needed = measuring.seconds(lambda: _by_vectorbt(bars, target), repeats=3)
    name = f"vectorbt {version('vectorbt')}"
    yield Row(
        f"{ORDERS} orders, numbers alone", own * 1e3, "ms", target=ORDERS_TARGET, peer=name, peer_measured=needed * 1e3
    )
    yield Row(f"{ORDERS} orders, all results", whole * 1e3, "ms", peer=name, peer_measured=needed * 1e3)


def a_new_process() -> Iterator[Row]:
    """The whole life of a process that simulates once: with nothing compiled yet, and with what the first one left."""
    simulating = ["-c", "import sys, kernel; kernel.simulate_once(sys.argv[1])"]
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "add_one.py"
        script.write_text(ADD_ONE, encoding="utf-8")
        compiling = _seconds_of_process([*simulating, folder])
        again = min(_seconds_of_process([*simulating, folder]) for _ in range(3))
        floor = min(_seconds_of_process([str(script)]) for _ in range(4))
    yield Row(
        "a process with one simulation", again, target=START_TARGET, peer="one addition by Numba, cached (floor)",
        peer_measured=floor,
    )  # fmt: skip
    yield Row("a process with one simulation, nothing compiled yet", compiling)


def _seconds_of_process(arguments: list[str]) -> float:
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=variables, check=True)
    return time.perf_counter() - start


def simulate_once(folder: str) -> None:
    """Simulate ten years of days with compiled code kept in `folder`."""
    configure_cache(Path(folder))
    bars = random_walk(7, TEN_YEARS, 0.015)
    simulate(bars, crossover(bars), whole_shares())


def run() -> Iterator[Row]:
    """Measure each, the longest last."""
    warnings.simplefilter("ignore")  # the peers' own: deprecated pandas, trades left open on purpose
    os.environ["TQDM_DISABLE"] = "1"  # backtesting.py would draw a bar a run
    yield from ten_years()
    yield from intraday()
    yield from a_million_orders()
    yield from a_new_process()


if __name__ == "__main__":
    measuring.finish(run)
