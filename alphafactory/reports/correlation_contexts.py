"""What the page of feature correlations is made of: plain values, gathered from the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime

    from alphafactory.domain.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """One feature. `mean_correlation` is the mean absolute one with the others of its cluster, None for one alone.

    `defined` is false for a feature that never varies, or has too few values, and is not among those left out.
    """

    name: str
    group: str
    cluster: int
    cluster_size: int
    keep: bool
    mean_correlation: float | None
    warm_up: int
    defined: bool = True
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class CorrelationPage:
    """One measurement. `matrix` has shape (m, m) in the order of `features`, NaN for unknown.

    `fewest` is the number of common values that a symbol needs to take part in a pair; `left_out` are subjects with
    the reason.
    """

    features: tuple[FeatureRow, ...]
    matrix: FloatArray
    threshold: float
    fewest: int
    universe: str
    symbols: int
    bars: int
    start: date
    end: date
    left_out: tuple[tuple[str, str], ...]
    simulated: bool
    measured_at: datetime
    code_version: str
    run_id: int
