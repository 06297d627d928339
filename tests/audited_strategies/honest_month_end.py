"""Holds over the turn of the month, whose last session the calendar tells."""

import numpy as np

from alphafactory.strategies.base import Strategy


class HonestMonthEnd(Strategy):
    """Holds over the turn of the month, whose last session the calendar tells."""

    name = "honest_month_end"
    title = "Honest month end"
    idea = source = fails_when = "A sample of the audit's tests."

    @staticmethod
    def signals(view, params):
        """Return 1 on a month's last session."""
        return np.where(view.last_of("M")[:, None], np.ones(view.close.shape), 0.0)
