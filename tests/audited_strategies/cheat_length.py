"""Knows by the number of rows how much is still to come."""

import numpy as np

from alphafactory.strategies.base import Strategy


class CheatLength(Strategy):
    """Knows by the number of rows how much is still to come."""

    name = "cheat_length"
    title = "Cheat length"
    idea = source = fails_when = "A sample of the audit's tests."

    @staticmethod
    def signals(view, params):
        """Return 1 in the last fifth of the history."""
        rows = np.arange(len(view.close))[:, None]
        return np.where(rows > 0.8 * len(view.close), np.ones(view.close.shape), 0.0)
