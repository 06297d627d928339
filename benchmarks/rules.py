"""Rules without code against the same strategies written by hand in NumPy.

Three rules: a dip in an uptrend with a stop, a crossing with bars ago, and a window of an expression. Each is asked for
the signals of one symbol of 1,259 bars, and the first is swept over parameters on 100 symbols. Signals and numbers must
be the same to the bit, or the benchmark fails. A rule may take a fifth longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import measuring
import numpy as np
from kernel import random_walk
from measuring import Row, demand_equal

from alphafactory.domain.context import MarketSymbol
from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.domain.settings import parse_settings
from alphafactory.domain.signals import Signals
from alphafactory.indicators.catalogue import computation_of, vocabulary
from alphafactory.pipeline.market_views import symbol_view
from alphafactory.pipeline.sweeping import sweep_panel
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.holding import held
from alphafactory.strategies.parameters import resolve_parameters
from alphafactory.strategies.rules.reading import rule_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters

BARS, SYMBOLS, CALLS, AT_MOST = 1_259, 100, 20, 1.2
LOWS = range(5, 21)

DIP = """
name: dip_rule
enter: close > sma(200) and rsi(2) < rsi_low
exit: rsi(2) > 70 or close < sma(200)
stop: {atr: 3}
params: {rsi_low: {default: 10, range: [5, 20]}}
"""
CROSSING = """
name: crossing_rule
enter: crosses_above(ema(12), ema(26)) and close > close[10]
exit: crosses_below(ema(12), ema(26)) or not (close > sma(100))
"""
WINDOW = """
name: window_rule
enter: close >= highest_of((high + low) / 2, 20) and volume > 1.5 * average_of(volume, 20)
exit: close < lowest_of(low, 10)
"""


class Dip(Strategy):
    """The first rule by hand."""

    name = "dip_by_hand"
    title = idea = source = fails_when = "A peer of a benchmark."
    parameters: ClassVar[Mapping[str, Parameter]] = {"rsi_low": Parameter(10, 5, 20, "buy below this RSI")}
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "trend": IndicatorRequest("sma", {"period": 200}),
        "rsi": IndicatorRequest("rsi", {"period": 2}),
        "range": IndicatorRequest("atr", {"period": 14}),
    }

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> Signals:
        """Return what the rule returns."""
        trend, rsi = view.indicators["trend"], view.indicators["rsi"]
        stop = 3.0 * view.indicators["range"]
        stop = np.where(stop > 0.0, stop, np.nan)
        enter = (view.close > trend) & (rsi < params["rsi_low"]) & ~np.isnan(stop)
        leave = (rsi > 70.0) | (view.close < trend)
        return Signals(held(enter, leave).astype(np.float64), stop=stop, distances=True)


class Crossing(Strategy):
    """The second rule by hand."""

    name = "crossing_by_hand"
    title = idea = source = fails_when = "A peer of a benchmark."
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "fast": IndicatorRequest("ema", {"period": 12}),
        "slow": IndicatorRequest("ema", {"period": 26}),
        "trend": IndicatorRequest("sma", {"period": 100}),
    }

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:  # noqa: ARG004  it has none
        """Return what the rule returns."""
        fast, slow = view.indicators["fast"], view.indicators["slow"]
        above, below = fast > slow, fast < slow
        enter, leave = np.zeros_like(above), view.close <= view.indicators["trend"]
        enter[1:] = above[1:] & (fast[:-1] <= slow[:-1])
        enter[:10] = False
        enter[10:] &= view.close[10:] > view.close[:-10]
        leave[1:] |= below[1:] & (fast[:-1] >= slow[:-1])
        return held(enter, leave).astype(np.float64)


class Window(Strategy):
    """The third rule by hand."""

    name = "window_by_hand"
    title = idea = source = fails_when = "A peer of a benchmark."

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:  # noqa: ARG004  it has none
        """Return what the rule returns."""
        windows = np.lib.stride_tricks.sliding_window_view
        middle = (view.high + view.low) / 2.0
        enter, leave = np.zeros(view.close.shape, dtype=np.bool_), np.zeros(view.close.shape, dtype=np.bool_)
        usual = windows(view.volume, 20, axis=0).mean(axis=-1)
        enter[19:] = view.close[19:] >= windows(middle, 20, axis=0).max(axis=-1)
        enter[19:] &= view.volume[19:] > 1.5 * usual
        leave[9:] = view.close[9:] < windows(view.low, 10, axis=0).min(axis=-1)
        return held(enter, leave).astype(np.float64)


def run() -> Iterator[Row]:
    """Ask each pair for signals, then sweep the first."""
    for text, peer in ((DIP, Dip), (CROSSING, Crossing), (WINDOW, Window)):
        rule = rule_of(vocabulary(), f"{peer.name}.yaml", text)
        yield _one_symbol(rule, peer)
    yield _sweep(rule_of(vocabulary(), "dip.yaml", DIP))


def _one_symbol(rule: type[Strategy], peer: type[Strategy]) -> Row:
    symbol = MarketSymbol("A", random_walk(1, BARS, 0.015))
    params = resolve_parameters(rule, {})
    views = {one: symbol_view(one, params, symbol, computation_of(symbol.bars)) for one in (rule, peer)}
    found, expected = (_arrays(one.signals(view, params)) for one, view in views.items())
    demand_equal(f"signals of {rule.name}", found, expected, 0.0)

    def ask(one: type[Strategy]) -> None:
        for _ in range(CALLS):
            one.signals(views[one], params)

    ours, theirs = (taken / CALLS * 1e6 for taken in in_turn(lambda: ask(rule), lambda: ask(peer), 300))
    return Row(
        f"signals of {rule.name}, {BARS} bars", ours, "us", target=theirs * AT_MOST, peer="the same by hand",
        peer_measured=theirs,
    )  # fmt: skip


def in_turn(ours: Callable[[], object], theirs: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Return the shortest run of each in seconds; they take turns, so that what disturbs one disturbs the other."""
    pairs = [(measuring.seconds(ours), measuring.seconds(theirs)) for _ in range(repeats)]
    return min(mine for mine, _ in pairs), min(other for _, other in pairs)


def _arrays(signals: FloatArray | Signals) -> FloatArray:
    if not isinstance(signals, Signals):
        return signals
    return np.hstack([array for array in (signals.target, signals.stop) if array is not None])


def _sweep(rule: type[Strategy]) -> Row:
    bars = [random_walk(seed, BARS, 0.015) for seed in range(SYMBOLS)]
    settings, sets = parse_settings(initial_capital=100_000.0), [{"rsi_low": low} for low in LOWS]
    found = {}

    def sweep(one: type[Strategy]) -> None:
        found[one] = sweep_panel(bars, one, sets, settings)

    ours, theirs = in_turn(lambda: sweep(rule), lambda: sweep(Dip), 6)
    demand_equal("sweep of the dip", found[rule], found[Dip], 0.0)
    return Row(
        f"sweep of {rule.name}, {len(sets)} sets on {SYMBOLS} symbols", ours, target=theirs * AT_MOST,
        peer="the same by hand", peer_measured=theirs,
    )  # fmt: skip


if __name__ == "__main__":
    measuring.finish(run)
