"""The features of the calendar."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

DATES = (
    IndicatorColumn(
        "day_of_week",
        "day_of_week",
        meaning="Mondays were weak and Fridays strong for decades; funds still rebalance by the day.",
    ),
    IndicatorColumn(
        "month_of_year",
        "month_of_year",
        meaning="January lifts small losers of December's tax sales; September has been the worst.",
    ),
    IndicatorColumn(
        "winter_half", "winter_half", meaning="Sell in May: most of the market's gain fell between November and April."
    ),
    IndicatorColumn(
        "option_expiry_week",
        "option_expiry_week",
        meaning="Hedges of expiring options pin or push prices, and volume swells.",
    ),
)

TURNS = (
    IndicatorColumn(
        "first_session_of_month",
        "first_session_of_month",
        meaning="New money of salaries and plans is invested on this day.",
    ),
    IndicatorColumn(
        "last_session_of_month",
        "last_session_of_month",
        meaning="Funds mark and rebalance at this close: the day monthly systems act on.",
    ),
    IndicatorColumn(
        "turn_of_month",
        "turn_of_month",
        {"first": 3},
        meaning="Four days a month that earned most of the index' gain for a century.",
    ),
    IndicatorColumn(
        "last_session_of_week",
        "last_session_of_week",
        meaning="Risk is taken off before the days nobody can trade; weekly systems act here.",
    ),
    IndicatorColumn(
        "last_session_of_quarter",
        "last_session_of_quarter",
        meaning="Window dressing: winners are shown in the books, losers sold before.",
    ),
    IndicatorColumn(
        "last_session_of_year",
        "last_session_of_year",
        meaning="The last chance to book a tax loss: its victims rebound in January.",
    ),
    IndicatorColumn(
        "before_holiday",
        "before_holiday",
        meaning="Sessions before a holiday are thin and have risen far more than others.",
    ),
    IndicatorColumn(
        "days_to_next_session",
        "days_to_next_session",
        meaning="Days without a market to come: more time for news to gap over a stop.",
    ),
)
