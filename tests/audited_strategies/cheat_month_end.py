"""Holds on the last session of a month, found by looking at the date of the next row."""

import numpy as np

from alphafactory.strategies.base import Strategy


class CheatMonthEnd(Strategy):
    """Holds on the last session of a month, found by looking at the date of the next row."""

    name = "cheat_month_end"
    title = "Cheat month end"
    idea = source = fails_when = "A sample of the audit's tests."

    @staticmethod
    def signals(view, params):
        """Return 1 in rows whose next row lies in another month."""
        months = view.sessions.astype("datetime64[M]")
        last = np.append(months[1:] != months[:-1], False)
        return np.where(last[:, None], np.ones(view.close.shape), 0.0)
