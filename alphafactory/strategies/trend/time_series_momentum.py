"""Time-series momentum: a share's own past year, without its last month."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.rebalancing import kept_between

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters


class TimeSeriesMomentum(Strategy):
    """Once a month: long what rose over the past year, short what fell, smaller where prices are wild."""

    name = "time_series_momentum"
    title = "Time-series momentum (12-1)"
    idea = (
        "What rose over the past year tends to rise on for months, because news is believed slowly and then too much. "
        "The sign of the own past return is the position, scaled so that wild and calm markets risk the same. The "
        "last month is left out, for in single shares it tends to be taken back."
    )
    source = (
        "Moskowitz, Ooi and Pedersen (2012), Time Series Momentum, Journal of Financial Economics 104(2): 12 months, "
        "monthly, scaled to 40% volatility. The month left out is Jegadeesh's (1990), Journal of Finance 45(3)."
    )
    fails_when = (
        "Markets turn sharply, as in spring 2009 and 2020: it is short at the bottom and takes months to notice. On "
        "single shares the effect is weaker than on the futures it was found in, and shorts pay for the market's rise."
    )
    group = "trend"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "period": Parameter(231, 21, 504, "sessions whose return is judged"),
        "skip": Parameter(21, 0, 42, "newest sessions left out of it"),
        "volatility": Parameter(0.4, 0.05, 1.0, "volatility a year that a position aims at; it is never geared up"),
        "volatility_period": Parameter(60, 20, 252, "sessions from which the volatility is estimated"),
        "short": Parameter(1, 0, 1, "1 sells falling shares short, 0 leaves them alone"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "return": IndicatorRequest("past_return", {"period": "period", "skip": "skip"}),
        "volatility": IndicatorRequest("realised_volatility", {"period": "volatility_period"}),
    }

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:  # noqa: ARG003  a month has as many sessions whatever they are
        """Return the sessions of the longest month: so long the first rebalance may be away."""
        return 23

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return the sign of the past return times the volatility's ratio, at most 1, of the newest month's end.

        Raises:
            SimulationError: the market has no calendar.
        """
        direction = np.sign(view.indicators["return"])
        if not params["short"]:
            direction = np.maximum(direction, 0.0)
        estimate = view.indicators["volatility"]
        # A share that has not moved is as calm as can be: it takes the full size.
        size = np.divide(params["volatility"], estimate, out=np.ones(estimate.shape), where=estimate != 0.0)
        return kept_between(direction * np.minimum(size, 1.0), view.last_of("M"))
