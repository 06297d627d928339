"""Candlestick patterns: all that TA-Lib finds, with its strengths, on candles among which each of them occurs."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import pytest
import talib
from candle_markets import candle_bars
from talib import abstract

from alphafactory.indicators.catalogue import compute_columns, compute_function, definitions, shipped_catalogue

if TYPE_CHECKING:
    from alphafactory.domain.bars import Bars

# TA-Lib's functions by the names of the features, written apart from the catalogue.
PATTERNS = {
    "two_crows": talib.CDL2CROWS,
    "three_black_crows": talib.CDL3BLACKCROWS,
    "three_inside": talib.CDL3INSIDE,
    "three_line_strike": talib.CDL3LINESTRIKE,
    "three_outside": talib.CDL3OUTSIDE,
    "three_stars_in_the_south": talib.CDL3STARSINSOUTH,
    "three_white_soldiers": talib.CDL3WHITESOLDIERS,
    "abandoned_baby": talib.CDLABANDONEDBABY,
    "advance_block": talib.CDLADVANCEBLOCK,
    "belt_hold": talib.CDLBELTHOLD,
    "breakaway": talib.CDLBREAKAWAY,
    "closing_marubozu": talib.CDLCLOSINGMARUBOZU,
    "concealing_baby_swallow": talib.CDLCONCEALBABYSWALL,
    "counterattack": talib.CDLCOUNTERATTACK,
    "dark_cloud_cover": talib.CDLDARKCLOUDCOVER,
    "doji": talib.CDLDOJI,
    "doji_star": talib.CDLDOJISTAR,
    "dragonfly_doji": talib.CDLDRAGONFLYDOJI,
    "engulfing": talib.CDLENGULFING,
    "evening_doji_star": talib.CDLEVENINGDOJISTAR,
    "evening_star": talib.CDLEVENINGSTAR,
    "gap_side_by_side_white": talib.CDLGAPSIDESIDEWHITE,
    "gravestone_doji": talib.CDLGRAVESTONEDOJI,
    "hammer": talib.CDLHAMMER,
    "hanging_man": talib.CDLHANGINGMAN,
    "harami": talib.CDLHARAMI,
    "harami_cross": talib.CDLHARAMICROSS,
    "high_wave": talib.CDLHIGHWAVE,
    "hikkake": talib.CDLHIKKAKE,
    "hikkake_modified": talib.CDLHIKKAKEMOD,
    "homing_pigeon": talib.CDLHOMINGPIGEON,
    "identical_three_crows": talib.CDLIDENTICAL3CROWS,
    "in_neck": talib.CDLINNECK,
    "inverted_hammer": talib.CDLINVERTEDHAMMER,
    "kicking": talib.CDLKICKING,
    "kicking_by_length": talib.CDLKICKINGBYLENGTH,
    "ladder_bottom": talib.CDLLADDERBOTTOM,
    "long_legged_doji": talib.CDLLONGLEGGEDDOJI,
    "long_line": talib.CDLLONGLINE,
    "marubozu": talib.CDLMARUBOZU,
    "matching_low": talib.CDLMATCHINGLOW,
    "mat_hold": talib.CDLMATHOLD,
    "morning_doji_star": talib.CDLMORNINGDOJISTAR,
    "morning_star": talib.CDLMORNINGSTAR,
    "on_neck": talib.CDLONNECK,
    "piercing": talib.CDLPIERCING,
    "rickshaw_man": talib.CDLRICKSHAWMAN,
    "rising_falling_three_methods": talib.CDLRISEFALL3METHODS,
    "separating_lines": talib.CDLSEPARATINGLINES,
    "shooting_star": talib.CDLSHOOTINGSTAR,
    "short_line": talib.CDLSHORTLINE,
    "spinning_top": talib.CDLSPINNINGTOP,
    "stalled_pattern": talib.CDLSTALLEDPATTERN,
    "stick_sandwich": talib.CDLSTICKSANDWICH,
    "takuri": talib.CDLTAKURI,
    "tasuki_gap": talib.CDLTASUKIGAP,
    "thrusting": talib.CDLTHRUSTING,
    "tristar": talib.CDLTRISTAR,
    "unique_three_river": talib.CDLUNIQUE3RIVER,
    "upside_gap_two_crows": talib.CDLUPSIDEGAP2CROWS,
    "gap_three_methods": talib.CDLXSIDEGAP3METHODS,
}


@functools.cache
def candles() -> Bars:
    return candle_bars(1, 300_000)


def test_all_61_patterns_are_features() -> None:
    assert len(PATTERNS) == 61
    assert {d.name for d in definitions() if d.group == "pattern"} == set(PATTERNS)
    assert {function.__name__ for function in PATTERNS.values()} == set(
        talib.get_function_groups()["Pattern Recognition"]
    )


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_pattern_equals_talib_behind_its_look_back(name: str) -> None:
    bars = candles()
    definition = shipped_catalogue().column(name)
    values = compute_columns(bars, [name])[name]
    expected = PATTERNS[name](bars.open, bars.high, bars.low, bars.close)
    look_back = abstract.Function(PATTERNS[name].__name__).lookback
    assert np.isnan(values[:look_back]).all()
    np.testing.assert_array_equal(values[look_back:], expected[look_back:])
    # A pattern that never occurs would prove nothing; and the bounds that are told are those that are met.
    assert (values[look_back:].min(), values[look_back:].max()) == (definition.low, definition.high)


@pytest.mark.parametrize("name", ["abandoned_baby", "dark_cloud_cover", "mat_hold", "morning_doji_star"])
def test_a_deeper_penetration_changes_who_is_one(name: str) -> None:
    bars = candles().part(slice(0, 60_000))
    found = [
        np.count_nonzero(compute_function(name, bars, {"penetration": share})[name][14:]) for share in (0.0, 0.25, 1.0)
    ]
    assert len(set(found)) == 3 if name != "mat_hold" else found[0] == 0 < found[1]


def test_a_hammer_by_hand() -> None:
    """Ten candles of body 4 and range 6, then one of body 1 on a shadow of 10 that begins at the low before."""
    opening = np.array([100.0 - 4 * day for day in range(12)])
    close = opening - 4.0
    high, low = opening + 1.0, close - 1.0
    opening[11], close[11] = close[10], close[10] + 1.0
    high[11], low[11] = close[11], opening[11] - 10.0
    bars = candle_bars(1, 12)
    bars = type(bars)(bars.sessions, opening, high, low, close, bars.volume, bars.split_factor, bars.dividends)
    assert compute_columns(bars, ["hammer"])["hammer"][-1] == 100.0
    assert compute_columns(bars, ["hanging_man"])["hanging_man"][-1] == 0.0
