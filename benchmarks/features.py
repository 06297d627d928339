"""Every feature of the catalogue over 3.3 million bars, what TA-Lib alone needs for its part, and pandas for another.

The features are computed to complete arrays in two processes, which keep a symbol's no longer than it takes to count
them; starting the processes is not measured. The floor is every call to TA-Lib that the features make on the bars
themselves, made without the catalogue in the same two processes. The peer of the statistical features is pandas'
rolling windows in one process, whose results must be the same.
"""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import TYPE_CHECKING

import measuring
import numpy as np
from measuring import DisagreementError, Row, demand_equal

from alphafactory.domain.bars import BAR_FIELDS, Bars
from alphafactory.domain.context import BREADTH, MarketContext
from alphafactory.indicators import talib_library
from alphafactory.indicators.catalogue import compute_columns, definitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from alphafactory.domain.arrays import FloatArray

    Call = tuple[str, tuple[str, ...], dict[str, float]]

SYMBOLS, BARS, PROCESSES = 46, 72_000, 2
TARGET, CPU_TARGET = 20.0, 40.0
FEWEST = 167


def made_up_market() -> tuple[list[Bars], MarketContext]:
    """Make random walks on as many weekdays as there are bars, and what surrounds them."""
    days = np.datetime64("1750-01-01") + np.arange(2 * BARS)
    days = days[np.is_busday(days)]
    draw = np.random.default_rng(7)
    series = {name: draw.random(BARS) for name in BREADTH} | {"index": walk(draw)}
    context = MarketContext(days, days[:BARS], series)
    return [made_up_bars(np.random.default_rng(seed), context) for seed in range(SYMBOLS)], context


def walk(draw: np.random.Generator) -> FloatArray:
    """Return a price that wanders by a tenth of a percent a bar."""
    return 100.0 * np.exp(np.cumsum(draw.normal(0.0, 1e-3, BARS)))


def made_up_bars(draw: np.random.Generator, context: MarketContext) -> Bars:
    """Return the bars of one symbol."""
    close = walk(draw)
    first = np.concatenate([close[:1], close[:-1]]) * np.exp(draw.normal(0.0, 5e-4, BARS))
    high = np.maximum(first, close) * (1.0 + draw.exponential(5e-4, BARS))
    low = np.minimum(first, close) * (1.0 - draw.exponential(5e-4, BARS))
    volume = np.round(draw.lognormal(12.0, 0.5, BARS))
    return Bars(context.sessions, first, high, low, close, volume, np.ones(BARS), np.zeros(BARS))


def compute_all(bars: Bars, context: MarketContext) -> tuple[int, float]:
    """Compute every feature of a symbol; return how many values there are and the seconds of the processor."""
    start = time.process_time()
    columns = compute_columns(bars, context=context)
    return sum(map(len, columns.values())), time.process_time() - start


def call_talib(bars: Bars, calls: Sequence[Call]) -> tuple[int, float]:
    """Make calls to TA-Lib and nothing else; return how many there are and the seconds of the processor."""
    import talib  # noqa: PLC0415  the peer

    start = time.process_time()
    for function, inputs, options in calls:
        getattr(talib, function)(*(getattr(bars, name) for name in inputs), **options)
    return len(calls), time.process_time() - start


def calls_of(bars: Bars, context: MarketContext) -> list[Call]:
    """Return what the features ask of TA-Lib about the bars themselves, noted while one symbol is computed."""
    names = {getattr(bars, name).ctypes.data: name for name in BAR_FIELDS}
    calls: list[Call] = []
    find = talib_library._find  # noqa: SLF001  the one place that every call passes

    def noting(function: str) -> Callable[..., object]:
        def call(*inputs: FloatArray, **options: float) -> object:
            fields = tuple(names.get(array.ctypes.data, "") for array in inputs)
            if all(fields):
                calls.append((function, fields, options))
            return find(function)(*inputs, **options)

        return call

    talib_library._find = noting  # noqa: SLF001
    try:
        compute_columns(bars, context=context)
    finally:
        talib_library._find = find  # noqa: SLF001
    return calls


def demand_complete(bars: Bars, context: MarketContext) -> None:
    """Raise `DisagreementError` unless every feature of a symbol has all its values behind the warm-up."""
    for name, values in compute_columns(bars, context=context).items():
        warm_up = next(one.warm_up for one in definitions() if one.name == name)
        if len(values) != BARS or not np.isfinite(values[warm_up:]).all():
            raise DisagreementError(f"{name} is not complete over {BARS} bars.")


def in_processes(work: Callable[..., tuple[int, float]], market: Sequence[Bars], beside: object) -> tuple[float, float]:
    """Do the work for every symbol in processes that run already; return seconds by the wall and of processors."""
    from joblib import Parallel, delayed  # noqa: PLC0415  loaded where processes are wanted

    with Parallel(n_jobs=PROCESSES) as parallel:
        parallel(delayed(work)(bars.part(slice(0, 300)), beside) for bars in market[:PROCESSES])
        start = time.perf_counter()
        done = parallel(delayed(work)(bars, beside) for bars in market)
    elapsed = time.perf_counter() - start
    if len({count for count, _ in done}) != 1:
        raise DisagreementError("Symbols of the same length gave different numbers of values.")
    return elapsed, sum(spent for _, spent in done)


def by_pandas(bars: Bars) -> dict[str, FloatArray]:
    """Return features that are rolling windows in pandas' words."""
    import pandas as pd  # noqa: PLC0415  the peer

    close, volume = pd.Series(bars.close), pd.Series(bars.volume)
    returns = np.log(close).diff()
    found = {f"realised_volatility_{n}": returns.rolling(n).std() * np.sqrt(252.0) for n in (10, 20, 60, 252)}
    found |= {f"return_{n}": close.pct_change(n) for n in (1, 2, 5, 10, 21, 63, 126, 252)}
    found |= {f"distance_from_high_{n}": close / close.rolling(n).max() - 1.0 for n in (20, 55, 252)}
    found |= {f"distance_from_low_{n}": close / close.rolling(n).min() - 1.0 for n in (20, 55, 252)}
    for n in (20, 60):
        for name, series in (("z_score", close), ("volume_z_score", volume)):
            window = series.rolling(n)
            found[f"{name}_{n}"] = (series - window.mean()) / window.std(ddof=0)
        found[f"volume_ratio_{n}"] = volume / volume.rolling(n).mean().shift()
    for lag in (1, 5):
        found[f"return_autocorrelation_{lag}"] = returns.rolling(60).corr(returns.shift(lag))
    found["dollar_volume_20"] = (close * volume).rolling(20).mean()
    found["return_volume_correlation_20"] = returns.rolling(20).corr(volume)
    return {name: values.to_numpy() for name, values in found.items()}


def run() -> Iterator[Row]:
    """Compute everything beside the floor, then what pandas can beside pandas."""
    market, context = made_up_market()
    names = [definition.name for definition in definitions()]
    if len(names) < FEWEST:
        raise DisagreementError(f"The catalogue holds {len(names)} features, fewer than {FEWEST}.")
    demand_complete(market[0], context)
    calls = calls_of(market[0], context)
    wall, spent = in_processes(compute_all, market, context)
    floor_wall, floor_spent = in_processes(call_talib, market, calls)
    claim = f"{len(names)} features, {SYMBOLS} symbols, {SYMBOLS * BARS} bars"
    floor = f"TA-Lib alone, its {len(calls)} calls (floor)"
    yield Row(f"{claim}, {PROCESSES} processes", wall, target=TARGET, peer=floor, peer_measured=floor_wall)
    yield Row(f"{claim}, time of processors", spent, target=CPU_TARGET, peer=floor, peer_measured=floor_spent)
    theirs = by_pandas(market[0])
    ours = compute_columns(market[0], list(theirs))
    for name, values in theirs.items():
        demand_equal(name, ours[name], values, 1e-6)
    needs = measuring.seconds(lambda: compute_columns(market[0], list(theirs)), repeats=3)
    pandas = measuring.seconds(lambda: by_pandas(market[0]), repeats=3)
    what = f"{len(theirs)} windows of returns, prices and volume, {BARS} bars"
    yield Row(what, needs, peer=f"pandas {version('pandas')}", peer_measured=pandas)


if __name__ == "__main__":
    measuring.finish(run)
