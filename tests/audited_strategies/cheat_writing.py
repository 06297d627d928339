"""Writes its notes into the prices that it is shown."""

import numpy as np

from alphafactory.strategies.base import Strategy


class CheatWriting(Strategy):
    """Writes its notes into the prices that it is shown."""

    name = "cheat_writing"
    title = "Cheat writing"
    idea = source = fails_when = "A sample of the audit's tests."

    @staticmethod
    def signals(view, params):
        """Return 1 above the price of the row before, after rounding all prices."""
        view.close[:] = np.round(view.close, 1)
        rises = np.zeros(view.close.shape)
        rises[1:] = view.close[1:] > view.close[:-1]
        return rises
