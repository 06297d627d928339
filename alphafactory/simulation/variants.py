"""One account of many symbols under many mandates, costs and weights: numbers only, nothing materialised.

`prepare_account` judges the bars once; `measure_account` gives the numbers of `simulate_account`, as a test shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.simulation import layout as at
from alphafactory.simulation.cache import load_kernel
from alphafactory.simulation.engine import complete_market, stacked, traits_of
from alphafactory.simulation.inputs import joint_sessions, judged_market, judged_signals
from alphafactory.simulation.mandates import encode_calendar
from alphafactory.simulation.rules import encode_rules, judge_against_signals, needed_estimates
from alphafactory.simulation.sweep import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.domain.bars import Bars
    from alphafactory.domain.mandate import Mandate
    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.domain.signals import Signals


@dataclass(frozen=True, slots=True)
class PreparedAccount:
    """Judged bars of the symbols of one account, on the sessions of all. Arrays as in `layout`."""

    market: FloatArray
    sessions: DateArray
    delisted: tuple[bool, ...]
    names: tuple[str, ...]
    completed: dict[tuple[object, ...], FloatArray] = field(default_factory=dict, repr=False)
    """The newest market with what settings and mandate need beyond bars: variants in a row mostly need the same."""

    def complete(self, settings: SimulationSettings, mandate: Mandate | None) -> FloatArray:
        """Return the market with what these ask for; it is made anew only where they ask for something else."""
        correlated = 0 if mandate is None or mandate.limits.max_correlated == 0 else mandate.limits.correlation_sessions
        averse = mandate is not None and mandate.rules.risk_aversion > 0.0
        key = (needed_estimates(settings), settings.sell_fees, correlated, averse)
        if key not in self.completed:
            self.completed.clear()
            self.completed[key] = complete_market(self.market, self.sessions, settings, mandate)
        return self.completed[key]


def prepare_account(
    bars: Sequence[Bars], *, delisted: Sequence[bool] = (), names: Sequence[str] = ()
) -> PreparedAccount:
    """Judge the bars of an account's symbols, once for all variants.

    Raises:
        SimulationError: impossible bars.
    """
    sessions = joint_sessions(bars)
    flags = tuple(delisted) or (False,) * len(bars)
    return PreparedAccount(judged_market(bars, names, sessions), sessions, flags, tuple(names))


def measure_account(
    prepared: PreparedAccount,
    signals: FloatArray | Signals,
    settings: SimulationSettings,
    *,
    mandate: Mandate | None = None,
    periods_per_year: int = 252,
    risk_free_rate: float = 0.0,
) -> FloatArray:
    """Return the NUMBERS of one variant, shape (len(NUMBERS),); undefined is NaN. Arguments as in `simulate_account`.

    Raises:
        SimulationError: impossible signals, or a mandate that does not fit.
    """
    kernel, (symbols, _, count) = load_kernel(), prepared.market.shape
    market = prepared.complete(settings, mandate)
    judged, _ = judged_signals(signals, prepared.sessions, symbols, prepared.names)
    judge_against_signals(settings, judged)
    rules = encode_rules(settings, distances=judged.distances, periods_per_year=periods_per_year, leaps=False)
    rules[at.RISK_FREE] = (1.0 + risk_free_rate) ** (1.0 / periods_per_year) - 1.0
    traits = traits_of(market, prepared.delisted, settings, mandate, rules)
    numbers, nothing = np.empty((1, len(NUMBERS))), np.empty((0, 1))
    kernel.run(
        market, stacked(judged), encode_calendar(prepared.sessions, settings, mandate), rules, traits,
        np.empty((symbols + 1, at.COLUMNS)), nothing, nothing, nothing, np.empty((2, count)),
        np.empty((symbols, 3, 0)), numbers,
    )  # fmt: skip
    return numbers[0]
