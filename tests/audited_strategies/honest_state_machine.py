"""Breaks out of a channel and stays until the channel of the other side breaks."""

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.holding import held


class HonestStateMachine(Strategy):
    """Breaks out of a channel and stays until the channel of the other side breaks."""

    name = "honest_state_machine"
    title = "Honest state machine"
    idea = source = fails_when = "A sample of the audit's tests."
    parameters = {
        "entry": Parameter(20, 5, 60, "bars of the upper channel"),
        "exit": Parameter(10, 5, 60, "bars of the lower channel"),
    }
    indicators = {
        "rsi": IndicatorRequest("rsi", {"period": "exit"}),
        "average": IndicatorRequest("sma", {"period": "entry"}),
    }

    @classmethod
    def settling(cls, params):
        """Return the bars within which one of the two events comes."""
        return 250

    @staticmethod
    def signals(view, params):
        """Return 1 from a close above the average with a strong RSI until one with a weak RSI."""
        rsi = view.indicators["rsi"]
        return held((rsi > 55.0) & (view.close > view.indicators["average"]), rsi < 45.0).astype(np.float64)
