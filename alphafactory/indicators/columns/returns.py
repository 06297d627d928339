"""The features of returns: over horizons, and by night and by day."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

RETURNS = (
    IndicatorColumn(
        "return_1",
        "past_return",
        {"period": 1, "skip": 0},
        meaning="Today's move, the shortest reversal signal: extreme days tend to be given back in part.",
    ),
    IndicatorColumn(
        "return_2",
        "past_return",
        {"period": 2, "skip": 0},
        meaning="Two days' move: where short swing traders look for something overdone.",
    ),
    IndicatorColumn(
        "return_5",
        "past_return",
        {"period": 5, "skip": 0},
        meaning="The week's move: last week's losers beat its winners a little over the next.",
    ),
    IndicatorColumn(
        "return_10",
        "past_return",
        {"period": 10, "skip": 0},
        meaning="Two weeks' move, between the reversal of days and the momentum of months.",
    ),
    IndicatorColumn(
        "return_21",
        "past_return",
        {"period": 21, "skip": 0},
        meaning="The month's move: over one month reversal still rules single stocks.",
    ),
    IndicatorColumn(
        "return_63",
        "past_return",
        {"period": 63, "skip": 0},
        meaning="The quarter's move, about the span between two reports of earnings.",
    ),
    IndicatorColumn(
        "return_126",
        "past_return",
        {"period": 126, "skip": 0},
        meaning="Half a year's move: winners over this span have tended to keep winning.",
    ),
    IndicatorColumn(
        "return_252",
        "past_return",
        {"period": 252, "skip": 0},
        meaning="The year's move, the horizon of time-series momentum.",
    ),
    IndicatorColumn(
        "momentum_12_1",
        "past_return",
        {"period": 231, "skip": 21},
        meaning="The year without its newest month: the momentum of the literature, cleared of reversal.",
    ),
)

PARTS = (
    IndicatorColumn(
        "overnight_return",
        "overnight_return",
        meaning="What news did while nobody could trade: large ones are often faded or followed at the open.",
    ),
    IndicatorColumn(
        "intraday_return",
        "intraday_return",
        meaning="What those who trade in the session did with the price they were given.",
    ),
    IndicatorColumn(
        "gap", "gap", meaning="Empty space on the chart: prices nobody traded at, which act as support or get filled."
    ),
    IndicatorColumn(
        "overnight_drift_21",
        "overnight_drift",
        {"period": 21},
        meaning="The month's gain made by night: much of the market's whole return falls there.",
    ),
    IndicatorColumn(
        "intraday_drift_21",
        "intraday_drift",
        {"period": 21},
        meaning="The month's gain made by day: weak days under strong nights hint at steady selling.",
    ),
)
