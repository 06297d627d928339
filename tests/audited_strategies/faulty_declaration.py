"""Waits for rare events, and does not say how long it takes until one comes."""

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.holding import held


class FaultyDeclaration(Strategy):
    """Waits for rare events, and does not say how long it takes until one comes."""

    name = "faulty_declaration"
    title = "Faulty declaration"
    idea = source = fails_when = "A sample of the audit's tests."
    parameters = {
        "rise": Parameter(0.03, 0.01, 0.1, "the rise that begins a position"),
        "unused": Parameter(5, 1, 10, "nothing at all"),
    }

    @staticmethod
    def signals(view, params):
        """Return 1 from a sharp rise until a sharp fall."""
        change = np.zeros(view.close.shape)
        change[1:] = view.close[1:] / view.close[:-1] - 1.0
        return held(change > params["rise"], change < -params["rise"]).astype(np.float64)
