"""One fit of an optimiser: a question that can be sent to another process, solved there, and kept by its key.

Goes in: a problem and the returns that answer it. Comes out: an `Allocation` of the symbols that take part.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.allocation import Allocation
from alphafactory.portfolio.estimates import filled_returns
from alphafactory.portfolio.optimisers import optimise
from alphafactory.portfolio.projection import project

if TYPE_CHECKING:
    from alphafactory.domain.allocation import AllocationSettings
    from alphafactory.domain.arrays import FloatArray, IntArray
    from alphafactory.portfolio.bounds import Bounds

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "skfolio", "cvxpy-base", "clarabel")
_SOURCES = ("bounds.py", "estimates.py", "fits.py", "optimisers.py", "projection.py")
"""Files of this package that decide what a fit answers."""

_NOISE = 1e-6
"""Weights up to this share of the gross are what an interior-point solver leaves of 0."""


@dataclass(frozen=True)
class Fit:
    """One date's question to an optimiser. It can be pickled; `solve` gives the same answer in every process.

    `window` has shape (T, symbols): total returns up to the rebalance close. `columns` has shape (k,): the symbols
    that take part, named by `tickers`. `rate` is the risk-free return of a session.
    """

    session: np.datetime64
    tickers: tuple[str, ...]
    settings: AllocationSettings
    bounds: Bounds
    strengths: FloatArray
    window: FloatArray
    columns: IntArray
    rate: float

    @cached_property
    def key(self) -> str:
        """SHA-256 of all that the answer depends on, and of nothing else."""
        model = self.settings.model
        words = {
            "model": model,
            "covariance": self.settings.covariance,
            "session": str(self.session),
            "tickers": self.tickers,
            "least": self.bounds.least,
            # A bound that lies above the sum of all binds nobody.
            "most": min(self.bounds.most, self.bounds.gross),
            "gross": self.bounds.gross,
            "neutral": self.bounds.neutral,
            "sides": self.bounds.sides.tolist(),
            "sector": self.bounds.sector.tolist() if self.bounds.names else [],
            "low": self.bounds.low,
            "high": self.bounds.high,
            "rate": self.rate if model == "max_sharpe" else 0.0,
            "strengths": self.strengths.tolist() if model == "black_litterman" else [],
            "code": _code_hash(),
        }
        digest = hashlib.sha256(json.dumps(words, sort_keys=True).encode())
        digest.update(np.ascontiguousarray(self.window[:, self.columns]).tobytes())
        return digest.hexdigest()

    def solve(self) -> Allocation:
        """Return signed weights of `tickers`, shape (k,); on failure none, model "" and the reason as the note.

        Whatever happens is in the answer: nothing is raised and no warning leaves it.
        """
        returns = filled_returns(self.window[:, self.columns])
        weights, remark = optimise(
            self.settings.model,
            returns,
            self.strengths,
            covariance=self.settings.covariance,
            bounds=self.bounds,
            rate=self.rate,
        )
        if weights is None:
            return Allocation(np.empty(0), "", remark)
        weights = np.where(weights > _NOISE * self.bounds.gross, weights, 0.0)
        return Allocation(project(weights, self.bounds) * self.bounds.sides, self.settings.model, remark)


@cache
def _code_hash() -> str:
    """Return the hash of the code and the libraries that answer; another release may answer otherwise."""
    digest = hashlib.sha256()
    for name in _SOURCES:
        digest.update((Path(__file__).parent / name).read_bytes().replace(b"\r\n", b"\n"))
    digest.update(" ".join(importlib.metadata.version(name) for name in _LIBRARIES).encode())
    return digest.hexdigest()
