"""How much of a portfolio hangs on how few names.

Goes in: weights and sectors. Comes out: by name a number, or the reason why there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.portfolio.outcomes import Outcome

_NAMES = (
    "positions", "herfindahl", "effective_names", "largest_weight", "top_five_weight", "sector_herfindahl",
    "effective_sectors", "largest_sector_weight",
)  # fmt: skip
_TOP = 5


def concentration(weights: FloatArray, sectors: Sequence[str]) -> Outcome:
    """Compute the concentration of the positions held.

    `herfindahl` (Herfindahl-Hirschman index) is the sum of squared shares of the gross value, from 1 / positions to 1;
    `effective_names` its inverse: so many equal positions would be as concentrated. The same by sector, longs and
    shorts of one added. The weights of the largest, the five largest together and the largest sector are absolute
    shares of equity, as limits have them. Without a position `no_position`, and 0 positions.

    Args:
        weights: shape (m,), signed shares of equity.
        sectors: each symbol's sector.
    """
    sizes = np.abs(weights)
    gross = float(sizes.sum())
    if gross == 0.0:
        return dict.fromkeys(_NAMES, "no_position") | {"positions": 0.0}
    labels = np.array(sectors)
    by_sector = np.array([sizes[labels == name].sum() for name in sorted(set(sectors))])
    names, groups = _herfindahl(sizes / gross), _herfindahl(by_sector / gross)
    ordered = np.sort(sizes)[::-1]
    return {
        "positions": float(np.count_nonzero(sizes)),
        "herfindahl": names,
        "effective_names": 1.0 / names,
        "largest_weight": float(ordered[0]),
        "top_five_weight": float(ordered[:_TOP].sum()),
        "sector_herfindahl": groups,
        "effective_sectors": 1.0 / groups,
        "largest_sector_weight": float(by_sector.max()),
    }


def _herfindahl(shares: FloatArray) -> float:
    return float(shares @ shares)
