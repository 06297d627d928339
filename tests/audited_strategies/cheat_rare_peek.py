"""Peeks after falls of more than 3 % alone, which are few."""

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest
from alphafactory.strategies.base import Strategy


class CheatRarePeek(Strategy):
    """Peeks after falls of more than 3 % alone, which are few."""

    name = "cheat_rare_peek"
    title = "Cheat rare peek"
    idea = source = fails_when = "A sample of the audit's tests."
    indicators = {"average": IndicatorRequest("sma", {"period": 200})}

    @staticmethod
    def signals(view, params):
        """Return 1 above the average, and after a sharp fall where the next close is higher."""
        close = view.close
        fall = np.zeros(close.shape, dtype=bool)
        fall[1:] = close[1:] < 0.97 * close[:-1]
        rebound = np.zeros(close.shape, dtype=bool)
        rebound[:-1] = close[1:] > close[:-1]
        return np.where(fall & rebound, 1.0, np.where(close > view.indicators["average"], 0.5, 0.0))
