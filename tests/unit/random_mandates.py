"""Random mandates over random markets of several symbols, made so that limits bind and rebalances trade.

Goes in: what Hypothesis draws. Comes out: a `MandateCase`, everything that an account with a mandate takes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st
from random_markets import ESTIMATED, PLAIN, Case, joint, markets, settings_words, signals

from alphafactory.domain.mandate import BREAKER_ACTIONS, Mandate, RebalanceRules, RiskLimits
from alphafactory.domain.settings import parse_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.bars import Bars
    from alphafactory.domain.signals import Signals


@dataclass(frozen=True)
class MandateCase:
    case: Case
    mandate: Mandate

    def __repr__(self) -> str:
        mandate = self.mandate
        parts = ((mandate.limits, RiskLimits()), (mandate.rules, RebalanceRules()))
        changed = [
            {name: getattr(mine, name) for name in mine.__slots__ if getattr(mine, name) != getattr(plain, name)}
            for mine, plain in parts
        ]
        flags = f"rebalance {np.flatnonzero(mandate.rebalance).tolist()}, sectors {mandate.sectors.tolist()}"
        return f"limits {changed[0]}, rules {changed[1]}, {flags}\n{self.case!r}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Hypothesis would print a dataclass field by field."""
        printer.text("..." if cycle else repr(self))


LIMITS: dict[str, Sequence[Any]] = {
    "max_position": (0.31, 0.13, 0.07, 0.55),
    "max_sector": (0.62, 0.27, 0.11),
    "max_correlated": (2, 1, 3),
    "cash_reserve": (0.1, 0.37),
    "max_positions": (2, 1, 3),
    "trade_loss": (0.011, 0.004, 0.03, 0.0007),
    "day_loss": (0.013, 0.004, 0.04),
    "week_loss": (0.017, 0.006, 0.05),
    "drawdown": (0.023, 0.06, 0.15),
}
"""A limit each, at values that bind; no two of one kind are equal, so that rounding never decides which is tighter."""

MANNERS: dict[str, Sequence[Any]] = {
    "correlated_above": (0.7, 0.31, 0.9),
    "correlation_sessions": (5, 3, 8),
    "day_action": BREAKER_ACTIONS,
    "week_action": BREAKER_ACTIONS,
    "drawdown_action": ("flat", "freeze", "halve"),
    "cool_down": (2, 1, 3, 5),
}
"""How the limits act."""

RULES: dict[str, Sequence[Any]] = {
    "drift": (0.05, 0.013, 0.2),
    "band": (0.02, 0.007, 0.11),
    "turnover": (0.17, 0.05, 0.6),
    "risk_aversion": (3.0, 40.0, 600.0),
    "cost_sessions": (21.0, 5.0),
}
LEVERAGES = (0.53, 1.0, 1.71)
SHARES = (1.0, 1.0, 0.62, 0.34, 0.17, 0.051)
SCHEDULES = ("never", "never", "always", "third", "some")


def some_of(draw: st.DrawFn, choices: dict[str, Sequence[Any]]) -> dict[str, Any]:
    """A few of the choices, or any number of them."""
    few = st.lists(st.sampled_from(sorted(choices)), max_size=3, unique=True)
    any_number = st.lists(st.booleans(), min_size=len(choices), max_size=len(choices)).map(
        lambda flags: [name for name, flag in zip(sorted(choices), flags, strict=True) if flag]
    )
    return {name: draw(st.sampled_from(choices[name])) for name in draw(st.one_of(any_number, few))}


@st.composite
def limits(draw: st.DrawFn, sessions: np.ndarray) -> RiskLimits:
    words = some_of(draw, LIMITS)
    if words:
        words |= {name: draw(st.sampled_from(choices)) for name, choices in MANNERS.items()}
    if draw(st.sampled_from((False, False, False, True))):
        days = draw(st.lists(st.integers(0, len(sessions) - 1), min_size=1, max_size=2, unique=True))
        since = [sessions[day].astype("datetime64[D]").item() for day in sorted(days)]
        words["leverage_schedule"] = tuple((day, draw(st.sampled_from(LEVERAGES))) for day in since)
    return RiskLimits(**words)


@st.composite
def mandates(draw: st.DrawFn, bars: list[Bars]) -> Mandate:
    sessions = joint(bars)
    rows = np.arange(len(sessions))
    flags = {
        "never": rows < 0,
        "always": rows >= 0,
        "third": rows % 3 == 1,
        "some": np.array([random.Random(draw(st.integers(0, 99)) * 1000 + int(row)).random() < 0.2 for row in rows]),
    }
    sectors = draw(st.lists(st.integers(0, 2), min_size=len(bars), max_size=len(bars)))
    rebalances = draw(st.booleans())
    return Mandate(
        rebalance=flags[draw(st.sampled_from(SCHEDULES[2:]))] if rebalances else flags["never"],
        sectors=np.array(sectors, dtype=np.int64),
        limits=draw(limits(sessions)),
        rules=RebalanceRules(**some_of(draw, RULES)) if rebalances else RebalanceRules(),
    )


def smaller(draw: st.DrawFn, wishes: Signals, columns: int) -> Signals:
    """The same signals with targets that are shares of an account, another one for each symbol."""
    shares = [draw(st.sampled_from(SHARES)) for _ in range(columns)]
    return replace(wishes, target=np.reshape(wishes.target, (-1, columns)) * np.array(shares))


@st.composite
def mandate_cases(draw: st.DrawFn) -> MandateCase:
    bars = draw(markets(counts=(2, 3, 3, 4, 5, 1), bars=60))
    mandate = draw(mandates(bars))
    words, wishes = draw(settings_words()), smaller(draw, draw(signals(bars)), len(bars))
    if mandate.rebalances:
        words["sizing"] = "all_in"
    if max(map(len, bars)) < 22:
        words |= {name: PLAIN[name] for name, word in words.items() if any(sign in str(word) for sign in ESTIMATED)}
    if wishes.stop is None and words["stop"] == words["trail"] == "none":
        needs_stop = {"take_profit": "R", "break_even": "R", "sizing": "risk"}
        words |= {name: PLAIN[name] for name, sign in needs_stop.items() if sign in words[name]}
    case = Case(
        bars=bars,
        signals=wishes,
        settings=parse_settings(**words),
        words=words,
        periods_per_year=252,
        delisted=[draw(st.sampled_from((False, False, True))) for _ in bars],
    )
    return MandateCase(case, mandate)
