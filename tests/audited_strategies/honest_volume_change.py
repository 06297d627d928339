"""Trades by the change of on-balance volume, which is the same from wherever it is counted."""

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.strategies.base import Strategy


class HonestVolumeChange(Strategy):
    """Trades by the change of on-balance volume, which is the same from wherever it is counted."""

    name = "honest_volume_change"
    title = "Honest volume change"
    idea = source = fails_when = "A sample of the audit's tests."
    parameters = {"back": Parameter(20, 5, 60, "bars over which the change is taken")}
    indicators = {"obv": IndicatorRequest("obv")}

    @classmethod
    def settling(cls, params):
        """Return the bars that it looks back, and the first, whose volume counts."""
        return int(params["back"]) + 1

    @staticmethod
    def signals(view, params):
        """Return 1 while on-balance volume is higher than some bars ago."""
        obv, back = view.indicators["obv"], int(params["back"])
        rises = np.zeros(obv.shape)
        rises[back:] = obv[back:] > obv[: max(len(obv) - back, 0)]
        return rises
