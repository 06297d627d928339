"""Owns everything from the first bar on."""

import numpy as np

from alphafactory.strategies.base import Strategy


class HonestBuyAndHold(Strategy):
    """Owns everything from the first bar on."""

    name = "honest_buy_and_hold"
    title = "Honest buy and hold"
    idea = source = fails_when = "A sample of the audit's tests."

    @staticmethod
    def signals(view, params):
        """Return 1 wherever there is a close."""
        return np.where(np.isnan(view.close), 0.0, 1.0)
