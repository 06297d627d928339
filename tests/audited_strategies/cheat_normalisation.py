"""Buys what is cheap by the mean and deviation of the whole series, its future included."""

import numpy as np

from alphafactory.strategies.base import Strategy


class CheatNormalisation(Strategy):
    """Buys what is cheap by the mean and deviation of the whole series, its future included."""

    name = "cheat_normalisation"
    title = "Cheat normalisation"
    idea = source = fails_when = "A sample of the audit's tests."

    @staticmethod
    def signals(view, params):
        """Return 1 where the close lies below the mean of all closes."""
        score = (view.close - view.close.mean(axis=0)) / view.close.std(axis=0)
        return np.where(score < -0.5, 1.0, 0.0)
