"""Many parameter sets on the same bars: numbers only, nothing materialised.

`prepare` does once what does not depend on the parameters; `measure` runs one parameter set on every symbol, each on an
account of its own. Its numbers are those of `simulate`, which a test compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.errors import SimulationError
from alphafactory.simulation import layout as at
from alphafactory.simulation.cache import load_kernel
from alphafactory.simulation.engine import complete_market, stacked
from alphafactory.simulation.inputs import joint_sessions, judged_market, judged_signals
from alphafactory.simulation.mandates import encode_calendar
from alphafactory.simulation.rules import encode_rules, judge_against_signals, serves_plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.domain.bars import Bars
    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.domain.signals import Signals

NUMBERS = (
    "total_return", "sharpe", "sortino", "max_drawdown", "n_trades", "n_closed_trades", "win_rate", "profit_factor",
    "exposure", "end_equity",
)  # fmt: skip
"""What `measure` answers, named as in the catalogue of metrics."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Judged bars of symbols with equal sessions, with what the settings need. Arrays as in `layout`.

    `short_way` lets `plain` stand in where it serves; its numbers are the same to the bit.
    """

    market: FloatArray
    sessions: DateArray
    calendar: FloatArray
    traits: FloatArray
    settings: SimulationSettings
    periods_per_year: int
    names: tuple[str, ...]
    rules: FloatArray
    short_way: bool


def prepare(
    bars: Sequence[Bars],
    settings: SimulationSettings,
    *,
    periods_per_year: int = 252,
    delisted: Sequence[bool] = (),
    names: Sequence[str] = (),
) -> Prepared:
    """Judge the bars of symbols that have the same sessions, once for all parameter sets.

    Raises:
        SimulationError: impossible bars, or sessions that differ.
    """
    sessions = joint_sessions(bars)
    for symbol, own in enumerate(bars):
        if len(own) != len(sessions):
            name = names[symbol] if names else f"Symbol {symbol}"
            raise SimulationError(
                f"{name} has {len(own)} of {len(sessions)} sessions. Search symbols of equal sessions together."
            )
    market = complete_market(judged_market(bars, names, sessions), sessions, settings)
    traits = np.zeros((2, len(bars)))
    traits[0] = np.where(delisted, len(sessions) - 1.0, -1.0) if delisted else -1.0
    rules = encode_rules(settings, distances=False, periods_per_year=periods_per_year, leaps=True)
    return Prepared(
        market, sessions, encode_calendar(sessions, settings, None), traits, settings, periods_per_year, tuple(names),
        rules, serves_plain(settings),
    )  # fmt: skip


def measure(prepared: Prepared, signals: FloatArray | Signals, *, risk_free_rate: float = 0.0) -> FloatArray:
    """Return the NUMBERS of one parameter set on every symbol, shape (symbols, len(NUMBERS)); undefined is NaN.

    `signals` have shape (sessions, symbols). Columns that lie in memory one after the other (Fortran order) are used as
    they are.

    Raises:
        SimulationError: impossible signals.
    """
    symbols = len(prepared.market)
    judged, _ = judged_signals(signals, prepared.sessions, symbols, prepared.names)
    judge_against_signals(prepared.settings, judged)
    kinds, rules = stacked(judged), prepared.rules.copy()
    rules[at.DISTANCES] = judged.distances
    rules[at.PLAIN] = prepared.short_way and kinds.shape[1] == 1
    rules[at.RISK_FREE] = (1.0 + risk_free_rate) ** (1.0 / prepared.periods_per_year) - 1.0
    count = len(prepared.sessions)
    numbers, nothing = np.empty((symbols, len(NUMBERS))), np.empty((0, 1))
    load_kernel().run(
        prepared.market, kinds, prepared.calendar, rules, prepared.traits, np.empty((2, at.COLUMNS)), nothing, nothing,
        nothing, np.empty((2, count)), np.empty((1, 3, 0)), numbers,
    )  # fmt: skip
    return numbers
