"""One score of four views of a share: trend, momentum, volatility and volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.errors import UsageError
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.rebalancing import kept_between

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters

_SESSIONS_A_YEAR = 252.0
_FACTORS = ("trend", "momentum", "volatility", "volume")


class MultiFactor(Strategy):
    """Once a week: a position in proportion to the weighted mean of four factors, in steps.

    Each factor lies in [-1, 1]. Trend: the close's distance from its average, momentum: the past return, both in
    standard deviations that a random walk of the share's volatility would have there, cut at one. Volatility: how much
    calmer the last weeks were than the last year, 1 - recent / usual. Volume: (money flow index - 50) / 50.
    """

    name = "multi_factor"
    title = "Multi-factor score"
    idea = (
        "No single view of a price is right for long, but their errors differ. Trend and momentum say that demand "
        "lasts, calm says that it is not panic, and money that flows in on rising days says that it is real. The mean "
        "of the four is steadier than any of them, and its size says how much they agree."
    )
    source = (
        "Jegadeesh and Titman (1993), Journal of Finance 48(1), for momentum; Moreira and Muir (2017), "
        "Volatility-Managed Portfolios, Journal of Finance 72(4); Blume, Easley and O'Hara (1994), Market Statistics "
        "and Technical Analysis: The Role of Volume, Journal of Finance 49(1); the money flow index of Quong and "
        "Soudack. The equal weights are nobody's estimate."
    )
    fails_when = (
        "The factors turn together, as at the end of a long rise: they are all made of the same prices. Weights that "
        "are fitted to one period say little of the next, and small steps trade often."
    )
    group = "combined"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "trend": Parameter(200, 20, 400, "closes in the average that the close is compared with"),
        "momentum": Parameter(126, 21, 252, "sessions whose return is judged"),
        "recent": Parameter(20, 10, 60, "sessions of the recent volatility"),
        "usual": Parameter(252, 60, 504, "sessions of the usual volatility"),
        "volume": Parameter(14, 5, 60, "bars in the money flow index"),
        "trend_weight": Parameter(1.0, 0.0, 5.0, "weight of the trend"),
        "momentum_weight": Parameter(1.0, 0.0, 5.0, "weight of the momentum"),
        "volatility_weight": Parameter(1.0, 0.0, 5.0, "weight of the calm"),
        "volume_weight": Parameter(1.0, 0.0, 5.0, "weight of the money flow"),
        "full": Parameter(0.5, 0.1, 1.0, "score that the full size is held at; a smaller one holds a part"),
        "steps": Parameter(4, 1, 20, "sizes up to the full one; what lies between two takes the smaller"),
        "short": Parameter(0, 0, 1, "1 sells shares of negative score short, 0 leaves them alone"),
    }
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {
        "average": IndicatorRequest("sma", {"period": "trend"}),
        "return": IndicatorRequest("past_return", {"period": "momentum", "skip": 0}),
        "recent": IndicatorRequest("realised_volatility", {"period": "recent"}),
        "usual": IndicatorRequest("realised_volatility", {"period": "usual"}),
        "flow": IndicatorRequest("mfi", {"period": "volume"}),
    }

    @classmethod
    def check(cls, params: StrategyParameters) -> None:
        """Refuse weights that are all 0, and a recent volatility of as many sessions as the usual one."""
        if sum(params[f"{factor}_weight"] for factor in _FACTORS) <= 0.0:
            raise UsageError(
                "The strategy 'multi_factor' has weights of 0 alone, so that there is no score. Set for example "
                "trend_weight=1."
            )
        if params["recent"] >= params["usual"]:
            raise UsageError(
                f"The strategy 'multi_factor' wants recent below usual, not recent={params['recent']} and "
                f"usual={params['usual']}. Set for example recent=20 usual=252."
            )

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:  # noqa: ARG003  a week has as many sessions whatever they are
        """Return the sessions of a week: so long the first rebalance may be away."""
        return 5

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return the size that the score of the newest week's end calls for, in whole steps, in [-1, 1] or [0, 1].

        Raises:
            SimulationError: the market has no calendar.
        """
        factors = _factors(view, params)
        weights = {name: params[f"{name}_weight"] for name in _FACTORS}
        total = sum(weights.values())
        score = np.zeros(view.close.shape)
        for name in _FACTORS:
            score = score + weights[name] / total * factors[name]
        size = np.clip(score / params["full"], -1.0, 1.0)
        # A size that is a whole number of steps but for the rounding of a sum counts as that number.
        stepped = np.trunc(np.round(size * params["steps"], 9)) / params["steps"]
        return kept_between(stepped if params["short"] else np.maximum(stepped, 0.0), view.last_of("W"))


def _factors(view: MarketView, params: StrategyParameters) -> dict[str, FloatArray]:
    """Return the factors by name, each in [-1, 1], NaN where one is not known yet."""
    indicators = view.indicators
    usual = indicators["usual"]
    # The distance of a random walk from the mean of its last n values varies as the walk does over n/3 steps.
    distance = view.close / indicators["average"] - 1.0
    return {
        "trend": _deviations(distance, usual * np.sqrt(params["trend"] / 3.0 / _SESSIONS_A_YEAR)),
        "momentum": _deviations(indicators["return"], usual * np.sqrt(params["momentum"] / _SESSIONS_A_YEAR)),
        "volatility": _deviations(usual - indicators["recent"], usual),
        "volume": indicators["flow"] / 50.0 - 1.0,
    }


def _deviations(value: FloatArray, deviation: FloatArray) -> FloatArray:
    """Return value / deviation, cut at -1 and 1; 0 where nothing ever deviates."""
    ratio = np.divide(value, deviation, out=np.zeros(value.shape), where=deviation != 0.0)
    return np.clip(ratio, -1.0, 1.0)
