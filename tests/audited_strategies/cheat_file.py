"""Reads what somebody has written into a file before."""

import numpy as np

from alphafactory.strategies.base import Strategy


class CheatFile(Strategy):
    """Reads what somebody has written into a file before."""

    name = "cheat_file"
    title = "Cheat file"
    idea = source = fails_when = "A sample of the audit's tests."

    @staticmethod
    def signals(view, params):
        """Return the stored targets, or none where there are none."""
        try:
            stored = np.load("tomorrow.npy")
        except OSError:
            stored = np.zeros(1)
        return np.full(view.close.shape, stored[0])
