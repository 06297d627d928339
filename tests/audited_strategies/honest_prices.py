"""Bids below a fall, with a stop and an aim of its own."""

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest, Parameter
from alphafactory.domain.signals import Signals
from alphafactory.strategies.base import Strategy


class HonestPrices(Strategy):
    """Bids below a fall, with a stop and an aim of its own."""

    name = "honest_prices"
    title = "Honest prices"
    idea = source = fails_when = "A sample of the audit's tests."
    parameters = {"depth": Parameter(1.0, 0.2, 3.0, "ranges between the close and the bid")}
    indicators = {"range": IndicatorRequest("atr", {"period": 14})}

    @classmethod
    def settling(cls, params):
        """Return the bar that it looks back."""
        return 1

    @staticmethod
    def signals(view, params):
        """Return 1 after a fall, at a limit below the close that lives three bars."""
        close, away = view.close, params["depth"] * view.indicators["range"]
        falls = np.zeros(close.shape, dtype=bool)
        falls[1:] = close[1:] < close[:-1]
        fits = falls & (close > 3.0 * away)
        bid = np.where(fits, close - away, np.nan)
        return Signals(
            fits.astype(np.float64),
            entry_limit=bid,
            stop=bid - away,
            take_profit=close,
            good_for=np.where(fits, 3.0, np.nan),
            priority=np.where(fits, away / close, np.nan),
        )
