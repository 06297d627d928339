"""Lengths of bars: their names, and how long each is."""

from __future__ import annotations

from typing import Literal, get_args

Timeframe = Literal["1d", "1h", "15m", "5m", "1m"]

TIMEFRAMES: tuple[Timeframe, ...] = get_args(Timeframe)
"""All of them, the coarsest first."""

SECONDS: dict[Timeframe, int] = {"1d": 86_400, "1h": 3_600, "15m": 900, "5m": 300, "1m": 60}


def is_intraday(timeframe: Timeframe) -> bool:
    """Return whether a session holds several bars, each with its own opening instant."""
    return timeframe != "1d"
