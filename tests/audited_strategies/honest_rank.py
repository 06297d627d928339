"""Holds the two symbols that rose most in the quarter before, where as many have a close."""

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest
from alphafactory.strategies.base import Strategy


class HonestRank(Strategy):
    """Holds the two symbols that rose most in the quarter before, where as many have a close."""

    name = "honest_rank"
    title = "Honest rank"
    idea = source = fails_when = "A sample of the audit's tests."
    scope = "universe"
    indicators = {"rise": IndicatorRequest("roc", {"period": 63})}

    @staticmethod
    def signals(view, params):
        """Return half of the equity for each of the two first."""
        rise = np.where(view.member & ~np.isnan(view.close), view.indicators["rise"], np.nan)
        place = np.argsort(np.argsort(np.where(np.isnan(rise), np.inf, -rise), axis=1, kind="stable"), axis=1)
        return np.where((place < 2) & ~np.isnan(rise), 0.5, 0.0)
