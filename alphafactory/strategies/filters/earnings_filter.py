"""No entries before announcements of earnings."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.errors import SimulationError
from alphafactory.strategies.base import Filter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView
    from alphafactory.strategies.base import StrategyParameters


class EarningsFilter(Filter):
    """Shut while an announcement that is known then is a few sessions ahead; open where none is known."""

    name = "earnings_filter"
    title = "Earnings filter"
    group = "filter"
    idea = (
        "An announcement of earnings moves a price overnight by more than weeks do, past every stop, and no chart "
        "knows the direction. A strategy that does not trade on earnings is paid nothing for that risk: enter nothing "
        "in the sessions before one. Only dates that were known at the time count."
    )
    source = (
        "Beaver (1968), The Information Content of Annual Earnings Announcements, Journal of Accounting Research 6: "
        "variance and volume of the week of an announcement."
    )
    fails_when = (
        "Dates are missing or moved at short notice, so that it is open when it should be shut; and it leaves out the "
        "premium that shares have earned on average around their announcements."
    )
    needs = frozenset({"earnings"})
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "sessions": Parameter(3, 1, 20, "shut when the announcement is at most so many sessions ahead; 1 is the next"),
    }

    @staticmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray:
        """Return 1 where no known announcement is near, else 0, also where the symbol has no bar."""
        if view.earnings is None:
            raise SimulationError("The earnings filter is asked without announcements. Give `earnings`, NaN for none.")
        return (~(view.earnings <= params["sessions"]) & ~np.isnan(view.close)).astype(np.float64)
