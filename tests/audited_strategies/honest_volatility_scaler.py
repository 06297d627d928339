"""Holds the less the more the last 20 returns vary."""

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.strategies.base import Strategy


class HonestVolatilityScaler(Strategy):
    """Holds the less the more the last 20 returns vary."""

    name = "honest_volatility_scaler"
    title = "Honest volatility scaler"
    idea = source = fails_when = "A sample of the audit's tests."
    parameters = {"target": Parameter(0.10, 0.02, 0.5, "volatility a year that it aims at")}

    @classmethod
    def settling(cls, params):
        """Return the closes in the window."""
        return 21

    @staticmethod
    def signals(view, params):
        """Return the aim over the volatility, at most 1."""
        shape = view.close.shape
        scaled = np.zeros(shape)
        if shape[0] > 20:
            returns = np.diff(np.log(view.close), axis=0)
            windows = np.lib.stride_tricks.sliding_window_view(returns, 20, axis=0)
            volatility = windows.std(axis=-1) * np.sqrt(252.0)
            scaled[20:] = np.where(
                volatility > 0.0, np.minimum(params["target"] / np.maximum(volatility, 1e-12), 1.0), 0.0
            )
        return np.where(np.isnan(scaled), 0.0, scaled)
