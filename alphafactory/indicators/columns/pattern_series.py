"""The candlestick patterns of three candles and more."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

PATTERNS = (
    IndicatorColumn(
        "abandoned_baby",
        "abandoned_baby",
        meaning="Whoever traded the doji is stranded beyond the gap: rare, and a turn when it comes.",
    ),
    IndicatorColumn(
        "advance_block", "advance_block", meaning="Buyers still win each day, but by less and less: protect profits."
    ),
    IndicatorColumn(
        "evening_doji_star",
        "evening_doji_star",
        meaning="An evening star whose middle bar is a complete stand-off: the top is the surer.",
    ),
    IndicatorColumn(
        "gap_side_by_side_white",
        "gap_side_by_side_white",
        meaning="The gap was tested twice and held: continuation in the direction of the gap.",
    ),
    IndicatorColumn(
        "hikkake", "hikkake", meaning="Traders who followed the false breakout must get out: the trade is against them."
    ),
    IndicatorColumn(
        "identical_three_crows",
        "identical_three_crows",
        meaning="Each open brings the same sellers at once: panic that feeds on itself.",
    ),
    IndicatorColumn(
        "hikkake_modified",
        "hikkake_modified",
        meaning="A failed breakout against an exhausted move: the stricter, rarer trap.",
    ),
    IndicatorColumn(
        "morning_doji_star",
        "morning_doji_star",
        meaning="A morning star whose middle bar is a complete stand-off: the bottom is the surer.",
    ),
    IndicatorColumn(
        "stalled_pattern",
        "stalled_pattern",
        meaning="The rise reached its peak and nobody bought higher: take profits, do not yet sell short.",
    ),
    IndicatorColumn(
        "stick_sandwich",
        "stick_sandwich",
        meaning="A level sold down to twice held twice: buyers have a line to defend.",
    ),
    IndicatorColumn(
        "tasuki_gap", "tasuki_gap", meaning="Profit takers could not close the gap: those who missed the move come in."
    ),
    IndicatorColumn(
        "three_black_crows",
        "three_black_crows",
        meaning="Distribution in the open for three sessions: the rise before is over.",
    ),
    IndicatorColumn(
        "three_inside", "three_inside", meaning="The harami's doubt has become a fact: a turn with a confirmed entry."
    ),
    IndicatorColumn(
        "three_outside",
        "three_outside",
        meaning="The side that took over went on the next day: fewer false turns than the engulfing.",
    ),
    IndicatorColumn(
        "three_stars_in_the_south",
        "three_stars_in_the_south",
        meaning="The decline loses range, then lows: sellers run out quietly.",
    ),
    IndicatorColumn(
        "three_white_soldiers",
        "three_white_soldiers",
        meaning="Steady accumulation for three sessions: reliable after a base, late after a run.",
    ),
    IndicatorColumn(
        "tristar", "tristar", meaning="Three days without a decision at the end of a move: its followers have gone."
    ),
    IndicatorColumn(
        "two_crows", "two_crows", meaning="The gap up was sold twice and filled: new highs attract supply."
    ),
    IndicatorColumn(
        "unique_three_river",
        "unique_three_river",
        meaning="A new low without followers: the bottoming is slow, and the low is the stop.",
    ),
    IndicatorColumn(
        "upside_gap_two_crows",
        "upside_gap_two_crows",
        meaning="Twice opened at new highs, twice sold, the gap still open: bulls are tiring.",
    ),
    IndicatorColumn(
        "gap_three_methods",
        "gap_three_methods",
        meaning="The gap is filled and with it the unfinished business: the trend is free to resume.",
    ),
    IndicatorColumn(
        "breakaway",
        "breakaway",
        meaning="An accelerated move gave back its breakaway gap: a short-term swing the other way.",
    ),
    IndicatorColumn(
        "concealing_baby_swallow",
        "concealing_baby_swallow",
        meaning="Capitulation with a failed rally inside: extremely rare, found at lows.",
    ),
    IndicatorColumn(
        "ladder_bottom",
        "ladder_bottom",
        meaning="Step by step down, a first try upwards, then success: shorts take their profits.",
    ),
    IndicatorColumn(
        "mat_hold", "mat_hold", meaning="A shallow rest at the highs: holders would not sell, so the rise goes on."
    ),
    IndicatorColumn(
        "three_line_strike",
        "three_line_strike",
        meaning="A violent shake-out against the trend of three days; the sign is that trend's.",
    ),
    IndicatorColumn(
        "rising_falling_three_methods",
        "rising_falling_three_methods",
        meaning="Three days of rest inside one day's range: the trend collected itself and goes on.",
    ),
)
