"""Compares closes across gaps: NaN is nobody's price."""

import numpy as np

from alphafactory.strategies.base import Strategy


class HonestGapCareful(Strategy):
    """Compares closes across gaps: NaN is nobody's price."""

    name = "honest_gap_careful"
    title = "Honest gap careful"
    idea = source = fails_when = "A sample of the audit's tests."
    scope = "universe"

    @staticmethod
    def signals(view, params):
        """Return a tenth of each symbol that closed higher than at its own bar before."""
        rows = np.arange(len(view.close))[:, None]
        there = ~np.isnan(view.close)
        last = np.maximum.accumulate(np.where(there, rows, -1), axis=0)
        before = np.vstack([np.full((1, last.shape[1]), -1), last[:-1]])
        earlier = np.take_along_axis(view.close, np.maximum(before, 0), axis=0)
        rises = there & (before >= 0) & (np.nan_to_num(view.close) > np.nan_to_num(earlier, nan=np.inf))
        return np.where(rises, 0.1, 0.0)

    @classmethod
    def settling(cls, params):
        """Return the bar that it looks back, and as many sessions as a gap may last."""
        return 30
