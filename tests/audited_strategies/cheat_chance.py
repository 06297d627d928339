"""Draws its targets without a seed."""

import numpy as np

from alphafactory.strategies.base import Strategy


class CheatChance(Strategy):
    """Draws its targets without a seed."""

    name = "cheat_chance"
    title = "Cheat chance"
    idea = source = fails_when = "A sample of the audit's tests."

    @staticmethod
    def signals(view, params):
        """Return what chance says."""
        return np.random.default_rng().integers(0, 2, view.close.shape).astype(np.float64)
