"""Donchian's channel breakout, as the Turtles traded it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.domain.signals import Signals
from alphafactory.errors import UsageError
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.holding import held

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters


class DonchianBreakout(Strategy):
    """Long from a close above the highest high of many sessions until one below the lowest low of fewer.

    Both extremes are those of the sessions before. Once its stop is hit it stays out until the next breakout after the
    exit; the Turtles bought on the touch of the high, this one after the close beyond it.
    """

    name = "donchian_breakout"
    title = "Donchian channel breakout (Turtle)"
    idea = (
        "Every large trend begins by leaving the range of its last weeks. Buy each new high of the channel, accept "
        "that most are false and cost a little, and stay with the few that run until a shorter channel breaks: the "
        "rare large gains pay for the many small losses."
    )
    source = (
        "Faith (2003), The Original Turtle Trading Rules, and (2007), Way of the Turtle: system 2, entry on 55 days, "
        "exit on 20, stop at two average ranges. The channel is Richard Donchian's four-week rule."
    )
    fails_when = (
        "Markets swing within wide ranges: it buys tops and sells bottoms for months. Single shares jump over the "
        "exit and the stop, and half of an open gain is given back before the shorter channel breaks."
    )
    group = "trend"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "entry": Parameter(55, 10, 250, "sessions whose highest high the close must exceed"),
        "exit": Parameter(20, 5, 120, "sessions whose lowest low ends the trade"),
        "stop": Parameter(2.0, 0.0, 10.0, "average true ranges from the entry to the stop; 0 for no stop"),
        "range_period": Parameter(20, 5, 60, "bars in the average true range"),
        "short": Parameter(0, 0, 1, "1 sells breakouts to new lows short, 0 leaves them alone"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "entry_high": IndicatorRequest("highest", {"period": "entry"}),
        "entry_low": IndicatorRequest("lowest", {"period": "entry"}),
        "exit_high": IndicatorRequest("highest", {"period": "exit"}),
        "exit_low": IndicatorRequest("lowest", {"period": "exit"}),
        "range": IndicatorRequest("atr", {"period": "range_period"}),
    }

    @classmethod
    def check(cls, params: StrategyParameters) -> None:
        """Refuse an exit channel that is longer than that of the entry."""
        if params["exit"] > params["entry"]:
            raise UsageError(
                f"The strategy 'donchian_breakout' wants exit at most entry, not exit={params['exit']} and "
                f"entry={params['entry']}. Set for example entry=55 exit=20."
            )

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:
        """Return twice the bars of both channels: on no share measured did the price stay longer between them."""
        return 2 * int(params["entry"] + params["exit"])

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> Signals:
        """Return 1 from a breakout up to the exit, -1 likewise downwards if asked, else 0; and the stop's distance."""
        channel = {name: _before(values) for name, values in view.indicators.items()}
        target = held(view.close > channel["entry_high"], view.close < channel["exit_low"]).astype(np.float64)
        if params["short"]:
            target -= held(view.close < channel["entry_low"], view.close > channel["exit_high"])
        distance = params["stop"] * view.indicators["range"]
        return Signals(target, stop=np.where(distance > 0.0, distance, np.nan), distances=True)


def _before(values: FloatArray) -> FloatArray:
    """Return the values of the row before, NaN in the first."""
    moved = np.full(values.shape, np.nan)
    moved[1:] = values[:-1]
    return moved
