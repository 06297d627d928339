"""Remembers the first answer about a symbol and hands out parts of it."""

import numpy as np

from alphafactory.strategies.base import Strategy

_SAID: dict = {}


class CheatMemory(Strategy):
    """Remembers the first answer about a symbol and hands out parts of it."""

    name = "cheat_memory"
    title = "Cheat memory"
    idea = source = fails_when = "A sample of the audit's tests."

    @staticmethod
    def signals(view, params):
        """Return what was said first, as many rows as are asked for."""
        first = _SAID.setdefault(view.tickers, np.where(view.close > view.close.mean(axis=0), 1.0, 0.0))
        return np.resize(first, view.close.shape)
