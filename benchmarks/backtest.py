"""One strategy on many symbols: our simulator against vectorbt and backtesting.py, on the same signals.

Each peer runs under the settings in which it can agree with us, and must: equity curves differ by at most 1e-9, or the
benchmark fails. Peers know no halts, so symbols with a session of no volume or a repeated bar are left out; so are
symbols that start late, because vectorbt takes one matrix, and those with a bar that the quality gate would keep out.
"""

from __future__ import annotations

import os
import warnings
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import measuring
import numpy as np
from measuring import CannotRunError, Row, demand_equal

from alphafactory.domain.settings import parse_settings
from alphafactory.simulation import simulate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.bars import Bars
    from alphafactory.domain.settings import SimulationSettings

CAPITAL = 100_000.0
COMMISSION = 0.001
SLIPPAGE = 0.0005
FEW = 25
"""Symbols for backtesting.py, which walks each bar in Python."""
TOLERANCE = 1e-9


def tradable(symbols: dict[str, Bars]) -> dict[str, Bars]:
    """Return the symbols of full length without an impossible bar, on which every order can fill."""
    longest = max(len(bars) for bars in symbols.values())
    return {t: b for t, b in symbols.items() if len(b) == longest and not _ever_halted(b) and not _impossible(b)}


def _ever_halted(bars: Bars) -> bool:
    market = np.array([bars.open, bars.high, bars.low, bars.close, bars.volume])
    return bool((bars.volume <= 0.0).any() or (market[:, 1:] == market[:, :-1]).all(axis=0).any())


def _impossible(bars: Bars) -> bool:
    low, high = np.minimum(bars.open, bars.close), np.maximum(bars.open, bars.close)
    return bool(((bars.low > low) | (bars.high < high) | (bars.low <= 0.0)).any())


def crossover(bars: Bars) -> FloatArray:
    """Return 1 while the average of 20 closes is above that of 50, else 0, shape (sessions,)."""
    sums = np.append(0.0, np.cumsum(bars.close))
    fast, slow = (np.append(np.full(n - 1, np.nan), (sums[n:] - sums[:-n]) / n) for n in (20, 50))
    return np.where(fast > slow, 1.0, 0.0)


def with_vectorbt(symbols: dict[str, Bars], targets: dict[str, FloatArray]) -> Iterator[Row]:
    """All symbols as one matrix, fractional shares, commission and slippage."""
    vectorbt = peer_module("vectorbt")
    ours = parse_settings(
        initial_capital=CAPITAL, fill="next_open", commission=f"bps:{COMMISSION * 1e4:.12g}",
        slippage=f"bps:{SLIPPAGE * 1e4:.12g}", sizing="all_in", shares="fractional",
    )  # fmt: skip
    close = np.column_stack([bars.close for bars in symbols.values()])
    opening = np.column_stack([bars.open for bars in symbols.values()])
    held = np.column_stack(list(targets.values()))
    shifted = np.vstack([np.zeros_like(held[:1]), held[:-1]]).astype(bool)

    def theirs() -> tuple[FloatArray, Any]:
        portfolio = vectorbt.Portfolio.from_signals(
            close, entries=shifted, exits=~shifted, price=opening, size=np.inf, fees=COMMISSION, slippage=SLIPPAGE,
            init_cash=CAPITAL, freq="1D",
        )  # fmt: skip
        return portfolio.value().to_numpy(), portfolio.trades.records_arr

    theirs()  # compiles
    own = measuring.seconds(lambda: [simulate(b, targets[t], ours) for t, b in symbols.items()], repeats=3)
    peer = measuring.seconds(theirs, repeats=3)
    for ticker, curve in zip(symbols, theirs()[0].T, strict=True):
        demand_equal(f"vectorbt {ticker}", simulate(symbols[ticker], targets[ticker], ours).equity, curve, TOLERANCE)
    yield Row(
        f"{len(symbols)} backtests, fractional shares", own, peer=f"vectorbt {version('vectorbt')}", peer_measured=peer
    )


def with_backtesting(symbols: dict[str, Bars], targets: dict[str, FloatArray]) -> Iterator[Row]:
    """A few symbols one by one, whole shares, commission; its spread hits entries only, so there is no slippage."""
    ours = whole_shares()
    few = dict(list(symbols.items())[:FEW])

    runs = {ticker: follower(bars) for ticker, bars in few.items()}

    def theirs() -> dict[str, FloatArray]:
        return {t: run.run(target=targets[t])["_equity_curve"]["Equity"].to_numpy() for t, run in runs.items()}

    own = measuring.seconds(lambda: [simulate(b, targets[t], ours) for t, b in few.items()], repeats=3)
    curves: dict[str, FloatArray] = {}
    peer = measuring.seconds(lambda: curves.update(theirs()))
    for ticker, curve in curves.items():
        demand_equal(f"backtesting.py {ticker}", simulate(few[ticker], targets[ticker], ours).equity, curve, TOLERANCE)
    yield Row(
        f"{len(few)} backtests, whole shares", own, peer=f"backtesting.py {version('backtesting')}", peer_measured=peer
    )


def whole_shares() -> SimulationSettings:
    """Return the settings in which backtesting.py agrees with us."""
    return parse_settings(initial_capital=CAPITAL, commission=f"bps:{COMMISSION * 1e4:.12g}", shares="whole")


def follower(bars: Bars) -> Any:
    """Return backtesting.py's backtest of a symbol: whole shares, commission, long or flat by `run(target=...)`."""
    backtesting = peer_module("backtesting")
    import pandas as pd  # noqa: PLC0415  the peer's own input

    class Follow(backtesting.Strategy):  # type: ignore[misc, name-defined]
        """Buys and sells as the target says."""

        target: Any = None

        def init(self) -> None:
            """Prepare nothing: the target is given."""

        def next(self) -> None:
            """Hold what the session just closed calls for."""
            wanted = self.target[len(self.data) - 1] > 0.0
            if wanted and not self.position:
                self.buy(size=1 - 1e-12)
            elif not wanted and self.position:
                self.position.close()

    names = ("open", "high", "low", "close", "volume")
    index = pd.DatetimeIndex(bars.sessions.astype("datetime64[ns]"))
    frame = pd.DataFrame({name.title(): getattr(bars, name) for name in names}, index=index)
    return backtesting.Backtest(frame, Follow, cash=CAPITAL, commission=COMMISSION, finalize_trades=False)


def peer_module(name: str) -> Any:
    """Import a peer, which the test extra installs."""
    import importlib  # noqa: PLC0415

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise CannotRunError(f"{error.name} is not installed. Run the benchmarks by `python run.py bench`.") from error


def run() -> Iterator[Row]:
    """Simulate the same signals with each program."""
    warnings.simplefilter("ignore")  # the peers' own: deprecated pandas, trades left open on purpose
    os.environ["TQDM_DISABLE"] = "1"  # backtesting.py would draw a bar a symbol
    symbols = tradable(measuring.bars_by_symbol(measuring.read_prices()))
    targets = {ticker: crossover(bars) for ticker, bars in symbols.items()}
    first, bars = next(iter(symbols.items()))
    simulate(bars, targets[first], parse_settings(initial_capital=CAPITAL))  # compiles
    yield from with_vectorbt(symbols, targets)
    yield from with_backtesting(symbols, targets)


if __name__ == "__main__":
    measuring.finish(run)
