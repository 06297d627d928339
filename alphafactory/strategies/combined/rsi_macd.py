"""RSI and MACD together: a recovery from a sell-off that is confirmed by momentum."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.errors import UsageError
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.holding import held

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import BoolArray, FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters

_ARGUMENTS = {"fast": "fast", "slow": "slow", "signal": "signal"}


class RsiMacd(Strategy):
    """Long once MACD is above its signal soon after a low RSI, until RSI is high or MACD falls below its signal."""

    name = "rsi_macd"
    title = "RSI with MACD confirmation"
    idea = (
        "A low RSI says that a share has been sold hard, but not that the selling is over; MACD above its signal says "
        "that momentum has turned, but in a range it says so every week. Each answers the other's question: buy where "
        "the turn follows a sell-off, sell into strength or where the turn has failed."
    )
    source = (
        "Wilder (1978) for RSI, Appel (2005) for MACD; both tested on long histories by Chong and Ng (2008), Applied "
        "Economics Letters 15(14), and Chong, Ng and Liew (2014), Journal of Risk and Financial Management 7(1)."
    )
    fails_when = (
        "A rise is so strong that RSI never becomes low: there is no trade for years. In a long fall each rebound is "
        "bought and fails. The confirmation comes after the best part of a short recovery."
    )
    group = "combined"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "period": Parameter(14, 2, 50, "closes in the RSI"),
        "oversold": Parameter(40.0, 10.0, 50.0, "RSI below which a share counts as sold off"),
        "overbought": Parameter(70.0, 50.0, 95.0, "RSI above which the trade ends"),
        "within": Parameter(10, 1, 40, "bars after a low RSI within which MACD must confirm"),
        "fast": Parameter(12, 2, 50, "closes in MACD's fast exponential average"),
        "slow": Parameter(26, 5, 200, "closes in MACD's slow exponential average"),
        "signal": Parameter(9, 2, 50, "values of the MACD line in its signal"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "rsi": IndicatorRequest("rsi", {"period": "period"}),
        "line": IndicatorRequest("macd", _ARGUMENTS, "line"),
        "signal": IndicatorRequest("macd", _ARGUMENTS, "signal"),
    }

    @classmethod
    def check(cls, params: StrategyParameters) -> None:
        """Refuse a fast average that is not faster than the slow one, and a low RSI that is not below the high one."""
        if params["fast"] >= params["slow"]:
            raise UsageError(
                f"The strategy 'rsi_macd' wants fast below slow, not fast={params['fast']} and slow={params['slow']}. "
                "Set for example fast=12 slow=26."
            )
        if params["oversold"] >= params["overbought"]:
            raise UsageError(
                f"The strategy 'rsi_macd' wants oversold below overbought, not oversold={params['oversold']} and "
                f"overbought={params['overbought']}. Set for example oversold=40 overbought=70."
            )

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:
        """Return the bars of MACD's slow averages: while it stays above its signal, no event may tell the state."""
        return int(params["slow"] + params["signal"])

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return 1 from a confirmed recovery up to its end, else 0."""
        rsi, line, signal = (view.indicators[name] for name in ("rsi", "line", "signal"))
        enter = (line > signal) & _recent(rsi < params["oversold"], int(params["within"]))
        leave = (rsi > params["overbought"]) | (line < signal)
        return held(enter, leave).astype(np.float64)


def _recent(event: BoolArray, bars: int) -> BoolArray:
    """Return whether the event was true in this row or one of so many before it."""
    rows = np.arange(len(event))[:, None]
    newest = np.maximum.accumulate(np.where(event, rows, -bars - 1), axis=0)
    return rows - newest <= bars
