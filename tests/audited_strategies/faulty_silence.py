"""Never wants anything, or says so with NaN."""

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.strategies.base import Strategy


class FaultySilence(Strategy):
    """Never wants anything, or says so with NaN."""

    name = "faulty_silence"
    title = "Faulty silence"
    idea = source = fails_when = "A sample of the audit's tests."
    parameters = {"level": Parameter(0.5, 0.0, 1.0, "nothing")}

    @staticmethod
    def signals(view, params):
        """Return no number anywhere."""
        return np.full(view.close.shape, np.nan)
