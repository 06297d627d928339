"""Shares the money among the symbols that have a close, however many will be listed later."""

import numpy as np

from alphafactory.strategies.base import Strategy


class HonestEqualShares(Strategy):
    """Shares the money among the symbols that have a close, however many will be listed later."""

    name = "honest_equal_shares"
    title = "Honest equal shares"
    idea = source = fails_when = "A sample of the audit's tests."
    scope = "universe"

    @staticmethod
    def signals(view, params):
        """Return equal shares of what is listed."""
        there = view.member & ~np.isnan(view.close)
        count = there.sum(axis=1, keepdims=True)
        return np.where(there, 1.0, 0.0) / np.maximum(count, 1)
