"""The measures of directional movement."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

DIRECTIONAL = (
    IndicatorColumn(
        "plus_di_14",
        "plus_di",
        {"period": 14},
        meaning="Pressure upwards as a share of all movement: above its counterpart, buyers make the ground.",
    ),
    IndicatorColumn(
        "minus_di_14",
        "minus_di",
        {"period": 14},
        meaning="Pressure downwards as a share of all movement: its crossing above the plus is a sell signal.",
    ),
    IndicatorColumn(
        "plus_dm_14",
        "plus_dm",
        {"period": 14},
        meaning="New ground gained upwards, in money: the raw material of the plus indicator.",
    ),
    IndicatorColumn(
        "minus_dm_14",
        "minus_dm",
        {"period": 14},
        meaning="New ground lost downwards, in money: the raw material of the minus indicator.",
    ),
    IndicatorColumn(
        "dx_14", "dx", {"period": 14}, meaning="How one-sided the movement is right now: the ADX before it is smoothed."
    ),
    IndicatorColumn(
        "adxr_14",
        "adxr",
        {"period": 14},
        meaning="The ADX averaged with its past: ranks symbols by how well they trend.",
    ),
    IndicatorColumn(
        "aroon_up_25",
        "aroon",
        {"period": 25},
        "up",
        meaning="100 when the high is today's, 0 when five weeks old: stale highs end rises.",
    ),
    IndicatorColumn(
        "aroon_down_25",
        "aroon",
        {"period": 25},
        "down",
        meaning="100 when the low is today's: over 70 with a low Aroon up, a fall is under way.",
    ),
    IndicatorColumn(
        "aroon_oscillator_25",
        "aroon_oscillator",
        {"period": 25},
        meaning="Which extreme is fresher: above 0 highs are newer than lows.",
    ),
    IndicatorColumn(
        "vortex_plus_14",
        "vortex",
        {"period": 14},
        "plus",
        meaning="Reach of highs beyond the lows before: above its counterpart the trend is up.",
    ),
    IndicatorColumn(
        "vortex_minus_14",
        "vortex",
        {"period": 14},
        "minus",
        meaning="Reach of lows below the highs before: a crossing of the two begins a trend.",
    ),
    IndicatorColumn(
        "vertical_horizontal_filter_28",
        "vertical_horizontal_filter",
        {"period": 28},
        meaning="Share of the way that led somewhere: high in trends, low in ranges; picks the kind of system.",
    ),
)
