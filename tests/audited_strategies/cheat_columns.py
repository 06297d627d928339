"""Shares the money among all columns, those of symbols that are listed later included."""

import numpy as np

from alphafactory.strategies.base import Strategy


class CheatColumns(Strategy):
    """Shares the money among all columns, those of symbols that are listed later included."""

    name = "cheat_columns"
    title = "Cheat columns"
    idea = source = fails_when = "A sample of the audit's tests."
    scope = "universe"

    @staticmethod
    def signals(view, params):
        """Return equal shares of what has a close."""
        return np.where(np.isnan(view.close), 0.0, 1.0 / view.close.shape[1])
