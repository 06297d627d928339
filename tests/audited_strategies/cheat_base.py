"""Asks the arrays of which it is shown a part for the rest."""

import numpy as np

from alphafactory.strategies.base import Strategy


class CheatBase(Strategy):
    """Asks the arrays of which it is shown a part for the rest."""

    name = "cheat_base"
    title = "Cheat base"
    idea = source = fails_when = "A sample of the audit's tests."

    @staticmethod
    def signals(view, params):
        """Return 1 on the last session of a month, by the dates that follow."""
        whole = view.sessions if view.sessions.base is None else view.sessions.base
        months = whole.astype("datetime64[M]")
        last = np.append(months[1:] != months[:-1], False)[: len(view.close)]
        return np.where(last[:, None], np.ones(view.close.shape), 0.0)
