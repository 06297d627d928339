"""One account of a portfolio, ready to be simulated: with its mandate, without a limit of it, or one session longer."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.bars import Bars
from alphafactory.domain.signals import Signals
from alphafactory.simulation import simulate_account

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.domain.mandate import Mandate, RiskLimits
    from alphafactory.domain.results import Simulation
    from alphafactory.domain.settings import SimulationSettings

_OPTIONS = tuple(field.name for field in fields(Signals) if field.name != "distances")


@dataclass(frozen=True, slots=True)
class Account:
    """All that a simulation of m symbols on n sessions asks for."""

    bars: Sequence[Bars]
    sessions: DateArray
    signals: Signals
    settings: SimulationSettings
    mandate: Mandate
    periods_per_year: int
    delisted: Sequence[bool]
    names: Sequence[str]

    def run(self) -> Simulation:
        """Simulate the account; errors as `simulate_account`."""
        return simulate_account(
            self.bars,
            self.signals,
            self.settings,
            periods_per_year=self.periods_per_year,
            delisted=self.delisted,
            names=self.names,
            mandate=self.mandate,
        )

    def with_limits(self, limits: RiskLimits) -> Account:
        """Return the same account under other limits."""
        return replace(self, mandate=replace(self.mandate, limits=limits))

    def one_session_more(self, session: np.datetime64, prices: FloatArray) -> Account:
        """Return the account with one session more, in which each symbol trades at one price, shape (m,).

        Nothing is wanted there that was not wanted at the close before. A symbol that was delisted has no bar in it;
        volumes are those of the last bars.
        """
        bars = [
            own if ended else _longer(own, session, price)
            for own, ended, price in zip(self.bars, self.delisted, prices.tolist(), strict=True)
        ]
        arrays = {name: getattr(self.signals, name) for name in _OPTIONS}
        kept = {name: _longer_by_nothing(array) for name, array in arrays.items() if array is not None}
        kept["target"] = np.vstack([self.signals.target, self.signals.target[-1:]])
        signals = Signals(**kept, distances=self.signals.distances)
        rebalance = np.append(self.mandate.rebalance, False)
        return replace(
            self,
            bars=bars,
            sessions=np.append(self.sessions, session),
            signals=signals,
            mandate=replace(self.mandate, rebalance=rebalance),
        )


def _longer_by_nothing(array: FloatArray) -> FloatArray:
    return np.vstack([array, np.full((1, array.shape[1]), np.nan)])


def _longer(bars: Bars, session: np.datetime64, price: float) -> Bars:
    """Return the bars with one more, of one price; its volume differs from the last, or it would be a halted bar."""
    volume = float(bars.volume[-1])
    added = {
        "sessions": session, "open": price, "high": price, "low": price, "close": price,
        "volume": np.nextafter(volume, np.inf) if volume > 0.0 else 1.0,
        "split_factor": bars.split_factor[-1], "dividends": 0.0,
    }  # fmt: skip
    return Bars(**{name: np.append(getattr(bars, name), value) for name, value in added.items()})
