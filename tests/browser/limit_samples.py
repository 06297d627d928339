"""What limits did in the sample portfolio: effects, acts, breaches and the worst week."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.reports.portfolio_contexts import EventRow, FillRow, LimitEffect, WeekDay, WorstWeek

if TYPE_CHECKING:
    from alphafactory.domain.arrays import DateArray, FloatArray

WITH = (0.494, -0.184, 0.892)
EFFECTS = (
    LimitEffect(
        "position", (("cut", 311), ("refused", 8), ("trim", 96), ("drifted", 204)), *WITH, 0.537, -0.207, 0.872
    ),
    LimitEffect("sector", (("cut", 141), ("refused", 71), ("trim", 22), ("drifted", 40)), *WITH, 0.513, -0.184, 0.896),
    LimitEffect("max_positions", (("refused", 97),), *WITH, 0.454, -0.202, 0.802),
    LimitEffect("correlation", (("refused", 46),), *WITH, 0.494, -0.184, 0.892),
    LimitEffect("cash_reserve", (("cut", 12), ("refused", 21)), *WITH, 0.543, -0.197, 0.892),
    LimitEffect("leverage", (), *WITH, *WITH),
    LimitEffect("trade_loss", (("exit", 4),), *WITH, None, None, None, "the run without it was ruined"),
    LimitEffect("day_loss", (("freeze", 31),), *WITH, 0.5, -0.178, 0.912),
    LimitEffect("week_loss", (("freeze", 5),), *WITH, 0.481, -0.191, 0.872),
    LimitEffect("drawdown", (("flat", 1), ("rearm", 1)), *WITH, 0.603, -0.279, 0.852),
    LimitEffect("*", (), *WITH, 0.684, -0.347, 0.772),
)


def sample_overshoots() -> tuple[EventRow, ...]:
    """Return breaches of every kind, and one that only reached its limit."""
    return (
        EventRow(date(2016, 6, 24), "day_loss", "freeze", "", -0.0312, 0.02),
        EventRow(date(2018, 2, 5), "day_loss", "freeze", "", -0.0244, 0.02),
        EventRow(date(2018, 12, 21), "week_loss", "freeze", "", -0.0561, 0.05),
        EventRow(date(2018, 12, 24), "drawdown", "flat", "", -0.1583, 0.15),
        EventRow(date(2017, 8, 29), "trade_loss", "exit", "GILD", -0.0231, 0.02),
        EventRow(date(2019, 11, 4), "position", "drifted", "NVDA", 0.0587, 0.05),
        EventRow(date(2019, 11, 4), "sector", "drifted", "Information Technology", 0.2711, 0.25),
        EventRow(date(2019, 12, 2), "cash_reserve", "drifted", "", 0.0921, 0.10),
        EventRow(date(2019, 12, 3), "leverage", "drifted", "", 1.0, 1.0),
    )


def sample_events(days: DateArray) -> tuple[EventRow, ...]:
    """Return the newest acts, the newest first."""
    newest = [day.item() for day in days[-40:][::-1]]
    kinds = (
        ("position", "cut", "AAPL", 0.0731, 0.05, 410.0, 280.0),
        ("max_positions", "refused", "CAT", 21.0, 20.0, 120.0, 0.0),
        ("sector", "trim", "Information Technology", 0.2604, 0.25, None, None),
        ("correlation", "refused", "GS", 5.0, 4.0, -88.0, 0.0),
        ("day_loss", "freeze", "", -0.0218, 0.02, None, None),
    )
    return tuple(EventRow(day, *kinds[place % len(kinds)]) for place, day in enumerate(newest))


def sample_week(days: DateArray, equity: FloatArray, gross: FloatArray) -> WorstWeek:
    """Replay the calendar week that lost most; its third session has more acts and fills than a cell shows."""
    weeks = (days.astype("datetime64[D]").astype(int) + 3) // 7
    ends = np.flatnonzero(np.diff(weeks, append=-1))
    worst = int(np.argmin(equity[ends[1:]] / equity[ends[:-1]]))
    rows = range(ends[worst], ends[worst + 1] + 1)
    events = sample_events(days)
    fills = tuple(
        FillRow(f"S{n:02}", -40.0 - n if n % 3 else 25.0, 51.2 + n, "risk_limit" if n % 3 else "stop")
        for n in range(18)
    )
    chosen = {1: (events[:2], fills[:3]), 3: (events[:15], fills), 5: (events[4:5], ())}
    return WorstWeek(
        week_return=float(equity[rows[-1]] / equity[rows[0]] - 1),
        index_return=-0.0712,
        days=tuple(
            WeekDay(
                days[row].item(), float(equity[row]), float(equity[row] / equity[row - 1] - 1), float(gross[row]),
                *chosen.get(place, ((), ())),
            )
            for place, row in enumerate(rows)
        ),
    )  # fmt: skip
