"""Fills the warm-up, and each undecided row, with the next decision."""

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest
from alphafactory.strategies.base import Strategy


class CheatBackwardFill(Strategy):
    """Fills the warm-up, and each undecided row, with the next decision."""

    name = "cheat_backward_fill"
    title = "Cheat backward fill"
    idea = source = fails_when = "A sample of the audit's tests."
    indicators = {"rsi": IndicatorRequest("rsi", {"period": 14})}

    @staticmethod
    def signals(view, params):
        """Return the decision of RSI below 30 or above 70, in between that of the row in which it comes next."""
        rsi = view.indicators["rsi"]
        decided = np.where(rsi < 30.0, 1.0, np.where(rsi > 70.0, 0.0, np.nan))
        filled = decided.copy()
        for row in range(len(filled) - 2, -1, -1):
            filled[row] = np.where(np.isnan(filled[row]), filled[row + 1], filled[row])
        return np.nan_to_num(filled)
