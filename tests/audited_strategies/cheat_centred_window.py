"""Smooths with a window that reaches as far to the front as to the back."""

import numpy as np

from alphafactory.strategies.base import Strategy


class CheatCentredWindow(Strategy):
    """Smooths with a window that reaches as far to the front as to the back."""

    name = "cheat_centred_window"
    title = "Cheat centred window"
    idea = source = fails_when = "A sample of the audit's tests."

    @staticmethod
    def signals(view, params):
        """Return 1 where the close lies above its centred average of 11."""
        kernel = np.full(11, 1.0 / 11.0)
        smooth = np.stack([np.convolve(column, kernel)[5 : 5 + len(column)] for column in view.close.T], axis=1)
        return np.where(view.close > smooth, 1.0, 0.0)
