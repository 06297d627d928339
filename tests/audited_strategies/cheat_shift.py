"""Long before a rise: the next row is shifted to the front."""

import numpy as np

from alphafactory.strategies.base import Strategy


class CheatShift(Strategy):
    """Long before a rise: the next row is shifted to the front."""

    name = "cheat_shift"
    title = "Cheat shift"
    idea = source = fails_when = "A sample of the audit's tests."

    @staticmethod
    def signals(view, params):
        """Return 1 where the next close is higher."""
        following = np.roll(view.close, -1, axis=0)
        following[-1] = view.close[-1]
        return np.where(following > view.close, 1.0, 0.0)
