"""Follows an exponential average, which forgets slowly and says so."""

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.strategies.base import Strategy


class HonestFading(Strategy):
    """Follows an exponential average, which forgets slowly and says so."""

    name = "honest_fading"
    title = "Honest fading"
    idea = source = fails_when = "A sample of the audit's tests."
    parameters = {"period": Parameter(30, 5, 100, "closes in the average")}
    indicators = {"average": IndicatorRequest("ema", {"period": "period"})}

    @staticmethod
    def signals(view, params):
        """Return how far the close lies above the average, in tenths, between -1 and 1."""
        away = view.close / view.indicators["average"] - 1.0
        return np.where(np.isnan(away), 0.0, np.clip(10.0 * away, -1.0, 1.0))
