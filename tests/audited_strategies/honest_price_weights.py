"""Weighs what is listed by its price, as the oldest index does."""

import numpy as np

from alphafactory.strategies.base import Strategy


class HonestPriceWeights(Strategy):
    """Weighs what is listed by its price, as the oldest index does."""

    name = "honest_price_weights"
    title = "Honest price weights"
    idea = source = fails_when = "A sample of the audit's tests."
    scope = "universe"

    @staticmethod
    def signals(view, params):
        """Return each close's share of the sum of all."""
        close = np.where(view.member, np.nan_to_num(view.close), 0.0)
        return close / np.maximum(close.sum(axis=1, keepdims=True), 1e-9)
