"""Holds from November to April, by the date of the row."""

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.strategies.base import Strategy


class HonestSeasonal(Strategy):
    """Holds from November to April, by the date of the row."""

    name = "honest_seasonal"
    title = "Honest seasonal"
    idea = source = fails_when = "A sample of the audit's tests."
    parameters = {"first": Parameter(11, 9, 12, "the month from which it holds")}

    @staticmethod
    def signals(view, params):
        """Return 1 in winter."""
        month = view.sessions.astype("datetime64[M]").astype(np.int64) % 12 + 1
        winter = (month >= params["first"]) | (month <= 4)
        return np.where(winter[:, None] & ~np.isnan(view.close), 1.0, 0.0)
