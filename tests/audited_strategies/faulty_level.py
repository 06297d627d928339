"""Trades by the level of on-balance volume, which depends on where history starts for ever."""

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest
from alphafactory.strategies.base import Strategy


class FaultyLevel(Strategy):
    """Trades by the level of on-balance volume, which depends on where history starts for ever."""

    name = "faulty_level"
    title = "Faulty level"
    idea = source = fails_when = "A sample of the audit's tests."
    indicators = {"obv": IndicatorRequest("obv")}

    @staticmethod
    def signals(view, params):
        """Return 1 while more volume rose than fell since the first bar."""
        return np.where(view.indicators["obv"] > 0.0, 1.0, 0.0)
