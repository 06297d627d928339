"""Wants too much, at prices that are none, and fails on short histories."""

import numpy as np

from alphafactory.domain.signals import Signals
from alphafactory.strategies.base import Strategy


class FaultyValues(Strategy):
    """Wants too much, at prices that are none, and fails on short histories."""

    name = "faulty_values"
    title = "Faulty values"
    idea = source = fails_when = "A sample of the audit's tests."

    @staticmethod
    def signals(view, params):
        """Return 1.5 everywhere, to be bought at 0; the tenth row must be there."""
        tenth = view.close[9]
        return Signals(np.full(view.close.shape, 1.5), entry_limit=np.where(view.close > tenth, 0.0, np.nan))
