"""Holds symbols before they are listed."""

import numpy as np

from alphafactory.strategies.base import Strategy


class CheatEarlyHolder(Strategy):
    """Holds symbols before they are listed."""

    name = "cheat_early_holder"
    title = "Cheat early holder"
    idea = source = fails_when = "A sample of the audit's tests."
    scope = "universe"

    @staticmethod
    def signals(view, params):
        """Return a twentieth of each, whether it has a close or not."""
        return np.full(view.close.shape, 0.05)
