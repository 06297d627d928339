"""Keeps the longest history that it saw in a cache of functools, and peeks into it."""

from functools import cache

import numpy as np

from alphafactory.strategies.base import Strategy


@cache
def notes():
    """Return the one dictionary that all calls share."""
    return {}


class CheatHiddenMemory(Strategy):
    """Keeps the longest history that it saw in a cache of functools, and peeks into it."""

    name = "cheat_hidden_memory"
    title = "Cheat hidden memory"
    idea = source = fails_when = "A sample of the audit's tests."

    @staticmethod
    def signals(view, params):
        """Return 1 where the next close is higher, by what was seen before where the history ends."""
        seen, count = notes(), len(view.close)
        longest = seen.setdefault(view.tickers, view.close)
        if len(longest) < count:
            seen[view.tickers] = longest = view.close
        following = np.vstack([longest[1:], longest[-1:]])
        return np.where(following[:count] > view.close, 1.0, 0.0)
