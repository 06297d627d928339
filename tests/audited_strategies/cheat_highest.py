"""Closes holes with the highest price that will ever be seen."""

import numpy as np

from alphafactory.strategies.base import Strategy


def fill(values):
    """Return values with holes closed, in units of their highest."""
    top = np.nanmax(values)
    return np.where(np.isnan(values), top, values) / top


class CheatHighest(Strategy):
    """Closes holes with the highest price that will ever be seen."""

    name = "cheat_highest"
    title = "Cheat highest"
    idea = source = fails_when = "A sample of the audit's tests."

    @staticmethod
    def signals(view, params):
        """Return 1 within a tenth of the highest close."""
        close = fill(view.close)
        return np.where(close > 0.9 * np.nanmax(close), 1.0, 0.0)
