"""Changes its own parameters while it works."""

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.strategies.base import Strategy


class CheatParameters(Strategy):
    """Changes its own parameters while it works."""

    name = "cheat_parameters"
    title = "Cheat parameters"
    idea = source = fails_when = "A sample of the audit's tests."
    parameters = {"level": Parameter(50.0, 1.0, 100.0, "the price above which it holds")}

    @staticmethod
    def signals(view, params):
        """Return 1 above the level, which rises from call to call where the parameters are kept."""
        params["level"] = params["level"] + 1.0
        return np.where(view.close > params["level"], 1.0, 0.0)
